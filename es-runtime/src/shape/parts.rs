//! The parts of what is traced, one after the other.

use super::learned::{Error, Learned};
use super::tracer::Tracer;
use super::{Content, Shape, field};
use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_json::Value;
use std::cell::RefCell;
use std::{slice, vec};

type Named = (String, Shape);

/// Items that have the same shape.
pub(super) struct List<'a> {
    pub(super) item: &'a mut Shape,
    pub(super) samples: vec::IntoIter<Option<&'a Value>>,
    pub(super) path: String,
    pub(super) learned: &'a RefCell<Learned>,
}

impl<'de> SeqAccess<'de> for List<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some(sample) = self.samples.next() else { return Ok(None) };
        let item = Tracer { shape: self.item, sample, path: self.path.clone(), learned: self.learned };
        seed.deserialize(item).map(Some)
    }
}

/// Items that each have a shape of their own.
pub(super) struct Items<'a> {
    pub(super) next: vec::IntoIter<(&'a mut Shape, Option<&'a Value>, String)>,
    pub(super) learned: &'a RefCell<Learned>,
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((shape, sample, path)) = self.next.next() else { return Ok(None) };
        seed.deserialize(Tracer { shape, sample, path, learned: self.learned }).map(Some)
    }
}

/// The fields of a struct.
pub(super) struct Fields<'a> {
    pub(super) next: slice::IterMut<'a, Named>,
    pub(super) value: Option<&'a mut Named>,
    pub(super) sample: Option<&'a Value>,
    pub(super) path: &'a str,
    pub(super) learned: &'a RefCell<Learned>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some(named) = self.next.next() else { return Ok(None) };
        self.learned.borrow_mut().run.last_field = field(self.path, &named.0);
        let name = named.0.clone();
        self.value = Some(named);
        let key: StrDeserializer<'_, Error> = name.as_str().into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((name, shape)) = self.value.take() else { return Err(out_of_order()) };
        let sample = self.sample.and_then(|sample| sample.get(&*name));
        seed.deserialize(Tracer { shape, sample, path: field(self.path, name), learned: self.learned })
    }
}

/// The entries of a map; or the fields of a struct that takes whatever there is (`flatten`), which asks for its
/// keys as fields.
pub(super) struct Entries<'a> {
    pub(super) shape: &'a mut Shape,
    pub(super) entries: vec::IntoIter<(Option<Value>, Option<&'a Value>)>,
    pub(super) value: Option<(Option<String>, Option<&'a Value>)>,
    pub(super) path: String,
    pub(super) learned: &'a RefCell<Learned>,
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        let mut field = None;
        let key = Key {
            shape: self.shape,
            field: &mut field,
            sample: key.as_ref(),
            path: format!("{}{{key}}", self.path),
            learned: self.learned,
        };
        let key = seed.deserialize(key)?;
        self.value = Some((field, value));
        Ok(Some(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((name, sample)) = self.value.take() else { return Err(out_of_order()) };
        let (shape, path) = match (&mut *self.shape, name) {
            (Shape::Struct(_, fields, _), Some(name)) => {
                let at = fields.iter().position(|(other, _)| *other == name).unwrap_or(fields.len());
                let path = field(&self.path, &name);
                if at == fields.len() {
                    fields.push((name, Shape::Unseen));
                }
                (&mut fields[at].1, path)
            }
            (Shape::Map(_, value), _) => (&mut **value, format!("{}{{}}", self.path)),
            _ => return Err(out_of_order()),
        };
        seed.deserialize(Tracer { shape, sample, path, learned: self.learned })
    }
}

/// The key of an entry, which turns out to be a value or the name of a field.
struct Key<'a, 'b> {
    shape: &'a mut Shape,
    field: &'b mut Option<String>,
    sample: Option<&'a Value>,
    path: String,
    learned: &'a RefCell<Learned>,
}

impl<'a> Key<'a, '_> {
    fn value(self) -> Result<Tracer<'a>, Error> {
        match Tracer::seen(self.shape, Shape::Map(Box::default(), Box::default())) {
            Shape::Map(key, _) => {
                Ok(Tracer { shape: key, sample: self.sample, path: self.path, learned: self.learned })
            }
            _ => Err(out_of_order()),
        }
    }
}

macro_rules! values {
    ($($method:ident)*) => { $(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.value()?.$method(visitor)
        }
    )* };
}

impl<'de> Deserializer<'de> for Key<'_, '_> {
    type Error = Error;

    values! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_byte_buf deserialize_option deserialize_unit deserialize_seq deserialize_map
        deserialize_ignored_any
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Some(name) = self.sample.and_then(Value::as_str) else {
            return Err(Error::Said("what it is made of (`flatten`) shows only in a sample".into()));
        };
        Tracer::seen(self.shape, Shape::Struct("", Vec::new(), Vec::new()));
        *self.field = Some(name.to_owned());
        visitor.visit_str(name)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value()?.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.value()?.deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value()?.deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value()?.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value()?.deserialize_enum(name, variants, visitor)
    }
}

/// A variant, and what it holds.
pub(super) struct Chosen<'a> {
    pub(super) name: &'static str,
    pub(super) content: &'a mut Content,
    pub(super) sample: Option<&'a Value>,
    pub(super) path: String,
    pub(super) learned: &'a RefCell<Learned>,
}

impl<'de> EnumAccess<'de> for Chosen<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name: StrDeserializer<'_, Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl Chosen<'_> {
    /// Looks inside. What is not taken is not noted down, so that the variant is tried again.
    fn look<T>(self, look: impl FnOnce(Tracer<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let mut shape = match std::mem::replace(self.content, Content::Unseen) {
            Content::Shape(shape) => shape,
            _ => Shape::Unseen,
        };
        let was_seen = shape != Shape::Unseen;
        let inner = Tracer { shape: &mut shape, sample: self.sample, path: self.path, learned: self.learned };
        let outcome = look(inner);
        if was_seen || outcome.is_ok() {
            *self.content = Content::Shape(shape);
        }
        outcome
    }
}

impl<'de> VariantAccess<'de> for Chosen<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        *self.content = Content::Nothing;
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        self.look(|inner| seed.deserialize(inner))
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Error> {
        self.look(|inner| inner.deserialize_tuple(len, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.look(|inner| inner.fields("", fields, visitor))
    }
}

fn out_of_order() -> Error {
    Error::Said("its `Deserialize` asks for the parts of a map out of order".into())
}
