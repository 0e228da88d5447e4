//! Changes of shape, with the verdict that each gets. Every one is held against what serde does with the payloads of
//! the other side: a verdict may be stricter, never laxer.
#![allow(dead_code, clippy::derive_partial_eq_without_eq, reason = "only their shapes count")]

use super::kit::expect_verdict;
use crate::lock::Verdict::{Backward, Breaking, Forward, Full};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

macro_rules! changes {
    ($(
        $name:ident: $verdict:ident $([$($old_sample:tt)*] [$($new_sample:tt)*])?
        { $($old:item)* } => { $($new:item)* }
    )*) => { $(
        #[test]
        fn $name() {
            mod old {
                use super::*;
                $(#[derive(Serialize, Deserialize)] $old)*
            }
            mod new {
                use super::*;
                $(#[derive(Serialize, Deserialize)] $new)*
            }
            expect_verdict::<old::E, new::E>(
                $verdict,
                &[$($($old_sample)*)?],
                &[$($($new_sample)*)?],
            );
        }
    )* };
}

// Fields.
changes! {
    nothing_changes: Full
        { pub(super) struct E { a: u32, b: String } } => { pub(super) struct E { a: u32, b: String } }
    fields_change_places: Full
        { pub(super) struct E { a: u32, b: String } } => { pub(super) struct E { b: String, a: u32 } }
    a_nested_type_is_renamed: Full
        { pub(super) struct E { a: In } struct In { x: u8 } } => { pub(super) struct E { a: Other } struct Other { x: u8 } }
    a_field_is_added: Forward
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: u32, b: u32 } }
    a_field_with_a_default_is_added: Full
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: u32, #[serde(default)] b: u32 } }
    an_optional_field_is_added: Full
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: u32, b: Option<u32> } }
    a_skipped_field_is_added: Full
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: u32, #[serde(skip)] b: u32 } }
    a_field_is_lost: Breaking
        { pub(super) struct E { a: u32, b: u32 } } => { pub(super) struct E { a: u32 } }
    an_optional_field_is_lost: Forward
        { pub(super) struct E { a: u32, b: Option<u32> } } => { pub(super) struct E { a: u32 } }
    a_field_is_skipped: Breaking
        { pub(super) struct E { a: u32, b: u32 } } => { pub(super) struct E { a: u32, #[serde(skip)] b: u32 } }
    a_field_is_renamed: Breaking
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { b: u32 } }
    a_field_is_renamed_with_an_alias: Backward
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { #[serde(alias = "a")] b: u32 } }
    a_field_is_renamed_in_rust_alone: Full
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { #[serde(rename = "a")] b: u32 } }
    an_alias_is_added: Full
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { #[serde(alias = "b")] a: u32 } }
    an_alias_is_lost: Forward
        { pub(super) struct E { #[serde(alias = "b")] a: u32 } } => { pub(super) struct E { a: u32 } }
    a_name_and_its_alias_change_places: Backward
        { pub(super) struct E { #[serde(alias = "b")] a: u32 } } => { pub(super) struct E { #[serde(alias = "a")] b: u32 } }
    all_fields_are_spelt_otherwise: Breaking
        { pub(super) struct E { total_cents: u32 } }
        => { #[serde(rename_all = "camelCase")] pub(super) struct E { total_cents: u32 } }
    a_field_gets_a_default: Backward
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { #[serde(default)] a: u32 } }
    a_default_is_lost: Forward
        { pub(super) struct E { #[serde(default)] a: u32 } } => { pub(super) struct E { a: u32 } }
    all_fields_get_a_default: Backward
        { pub(super) struct E { a: u32 } } => { #[derive(Default)] #[serde(default)] pub(super) struct E { a: u32 } }
    a_field_becomes_optional: Backward
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: Option<u32> } }
    an_optional_field_becomes_required: Forward
        { pub(super) struct E { a: Option<u32> } } => { pub(super) struct E { a: u32 } }
    none_is_not_written: Full
        { pub(super) struct E { a: Option<u32> } }
        => { pub(super) struct E { #[serde(skip_serializing_if = "Option::is_none")] a: Option<u32> } }
    an_empty_list_is_not_written: Backward
        { pub(super) struct E { a: Vec<u32> } }
        => { pub(super) struct E { #[serde(default, skip_serializing_if = "Vec::is_empty")] a: Vec<u32> } }
    unknown_fields_are_refused: Forward
        { pub(super) struct E { a: u32 } } => { #[serde(deny_unknown_fields)] pub(super) struct E { a: u32 } }
    unknown_fields_are_taken: Full
        { #[serde(deny_unknown_fields)] pub(super) struct E { a: u32 } } => { pub(super) struct E { a: u32 } }
    a_field_with_a_default_is_added_to_what_refuses_others: Backward
        { #[serde(deny_unknown_fields)] pub(super) struct E { a: u32 } }
        => { #[serde(deny_unknown_fields)] pub(super) struct E { a: u32, #[serde(default)] b: u32 } }
    a_field_is_lost_by_what_refuses_others: Breaking
        { #[serde(deny_unknown_fields)] pub(super) struct E { a: u32, b: u32 } }
        => { #[serde(deny_unknown_fields)] pub(super) struct E { a: u32 } }
    a_struct_loses_all_fields: Breaking
        { pub(super) struct E { a: u32 } } => { pub(super) struct E {} }
}

// What a value is.
changes! {
    a_number_grows: Backward
        { pub(super) struct E { a: u8 } } => { pub(super) struct E { a: u32 } }
    a_number_shrinks: Forward
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: u8 } }
    a_number_gets_a_sign_and_room: Backward
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: i64 } }
    a_number_gets_a_sign: Breaking
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: i32 } }
    a_number_grows_beyond_64_bits: Backward
        { pub(super) struct E { a: u64 } } => { pub(super) struct E { a: u128 } }
    a_number_shrinks_to_64_bits: Forward
        { pub(super) struct E { a: i128 } } => { pub(super) struct E { a: i64 } }
    a_whole_number_gets_a_point: Breaking
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: f64 } }
    a_float_grows: Backward
        { pub(super) struct E { a: f32 } } => { pub(super) struct E { a: f64 } }
    a_float_shrinks: Forward
        { pub(super) struct E { a: f64 } } => { pub(super) struct E { a: f32 } }
    a_number_becomes_text: Breaking
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: String } }
    text_becomes_a_number: Breaking
        { pub(super) struct E { a: String } } => { pub(super) struct E { a: u32 } }
    a_letter_becomes_text: Backward
        { pub(super) struct E { a: char } } => { pub(super) struct E { a: String } }
    text_becomes_a_letter: Forward
        { pub(super) struct E { a: String } } => { pub(super) struct E { a: char } }
    a_number_is_never_zero: Forward
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: std::num::NonZeroU32 } }
    a_number_may_be_zero: Backward
        { pub(super) struct E { a: std::num::NonZeroU32 } } => { pub(super) struct E { a: u32 } }
    text_becomes_an_id: Forward
        { pub(super) struct E { a: String } } => { pub(super) struct E { a: crate::CommitId } }
    an_id_becomes_text: Backward
        { pub(super) struct E { a: crate::CommitId } } => { pub(super) struct E { a: String } }
    an_id_becomes_a_time: Breaking
        { pub(super) struct E { a: crate::CommitId } } => { pub(super) struct E { a: crate::Timestamp } }
    nothing_becomes_something_or_nothing: Backward
        { pub(super) struct E { a: () } } => { pub(super) struct E { a: Option<u32> } }
    a_value_is_wrapped: Full
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: N } struct N(u32); }
    a_value_is_wrapped_transparently: Full
        { pub(super) struct E { a: u32 } }
        => { pub(super) struct E { a: N } #[serde(transparent)] struct N { inner: u32 } }
    a_value_is_wrapped_visibly: Breaking
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: N } struct N { inner: u32 } }
    a_value_is_boxed: Full
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: Box<u32> } }
    a_value_becomes_a_list: Breaking
        { pub(super) struct E { a: u32 } } => { pub(super) struct E { a: Vec<u32> } }
    a_list_becomes_a_set: Full
        { pub(super) struct E { a: Vec<u32> } } => { pub(super) struct E { a: BTreeSet<u32> } }
    a_list_gets_a_length: Breaking
        { pub(super) struct E { a: Vec<u32> } } => { pub(super) struct E { a: [u32; 2] } }
    a_tuple_grows: Breaking
        { pub(super) struct E { a: (u8, u8) } } => { pub(super) struct E { a: (u8, u8, u8) } }
    a_tuple_changes_places: Breaking
        { pub(super) struct E { a: (u8, String) } } => { pub(super) struct E { a: (String, u8) } }
    an_event_without_names_gets_names: Breaking
        { pub(super) struct E(u8, u8); } => { pub(super) struct E { a: u8, b: u8 } }
    a_map_becomes_a_struct: Breaking
        { pub(super) struct E { a: BTreeMap<String, u8> } } => { pub(super) struct E { a: In } struct In { x: u8 } }
    a_struct_becomes_a_map: Breaking
        { pub(super) struct E { a: In } struct In { x: u8 } } => { pub(super) struct E { a: BTreeMap<String, u8> } }
    the_keys_of_a_map_become_text: Breaking
        { pub(super) struct E { a: BTreeMap<u8, u8> } } => { pub(super) struct E { a: BTreeMap<String, u8> } }
    the_values_of_a_map_grow: Backward
        { pub(super) struct E { a: BTreeMap<String, u8> } } => { pub(super) struct E { a: BTreeMap<String, u16> } }
    text_is_written_with_another_function: Breaking
        { pub(super) struct E { a: u32 } }
        => { pub(super) struct E { #[serde(with = "super::as_text")] a: u32 } }
}

// What is nested.
changes! {
    a_nested_field_is_added: Forward
        { pub(super) struct E { a: In } struct In { x: u8 } } => { pub(super) struct E { a: In } struct In { x: u8, y: u8 } }
    a_nested_field_with_a_default_is_added: Full
        { pub(super) struct E { a: In } struct In { x: u8 } }
        => { pub(super) struct E { a: In } struct In { x: u8, #[serde(default)] y: u8 } }
    a_field_is_lost_in_a_list: Breaking
        { pub(super) struct E { a: Vec<In> } struct In { x: u8, y: u8 } }
        => { pub(super) struct E { a: Vec<In> } struct In { x: u8 } }
    a_field_is_added_in_an_option: Forward
        { pub(super) struct E { a: Option<In> } struct In { x: u8 } }
        => { pub(super) struct E { a: Option<In> } struct In { x: u8, y: u8 } }
    a_number_grows_in_a_map: Backward
        { pub(super) struct E { a: BTreeMap<u8, In> } struct In { x: u8 } }
        => { pub(super) struct E { a: BTreeMap<u8, In> } struct In { x: u16 } }
    a_number_shrinks_three_levels_down: Forward
        { pub(super) struct E { a: In } struct In { b: Vec<Deep> } struct Deep { c: Option<u32> } }
        => { pub(super) struct E { a: In } struct In { b: Vec<Deep> } struct Deep { c: Option<u16> } }
    a_field_is_renamed_with_an_alias_in_a_list: Backward
        { pub(super) struct E { a: Vec<In> } struct In { x: u8 } }
        => { pub(super) struct E { a: Vec<In> } struct In { #[serde(alias = "x")] y: u8 } }
    a_field_is_added_to_what_is_inside_of_itself: Forward
        { pub(super) struct E { next: Option<Box<E>>, x: u8 } }
        => { pub(super) struct E { next: Option<Box<E>>, x: u8, y: u8 } }
}

// Enums.
changes! {
    a_variant_is_added: Backward
        { pub(super) enum E { A } } => { pub(super) enum E { A, B } }
    a_variant_is_lost: Forward
        { pub(super) enum E { A, B } } => { pub(super) enum E { A } }
    a_variant_is_renamed: Breaking
        { pub(super) enum E { A, B } } => { pub(super) enum E { A, C } }
    a_variant_is_renamed_with_an_alias: Backward
        { pub(super) enum E { A, B } } => { pub(super) enum E { A, #[serde(alias = "B")] C } }
    variants_change_places: Full
        { pub(super) enum E { A, B(u8) } } => { pub(super) enum E { B(u8), A } }
    unknown_variants_are_read: Backward
        { pub(super) enum E { A } } => { pub(super) enum E { A, #[serde(other)] Other } }
    unknown_variants_are_not_read_any_more: Forward
        { pub(super) enum E { A, #[serde(other)] Other } } => { pub(super) enum E { A, Other } }
    a_variant_is_added_where_unknown_ones_are_read: Full
        { pub(super) enum E { A, #[serde(other)] Other } } => { pub(super) enum E { A, B, #[serde(other)] Other } }
    a_variant_gets_a_value: Breaking
        { pub(super) enum E { A, B } } => { pub(super) enum E { A, B(u8) } }
    a_variant_gets_a_value_or_none: Breaking
        { pub(super) enum E { A, B } } => { pub(super) enum E { A, B(Option<u8>) } }
    a_field_is_added_to_a_variant: Forward
        { pub(super) enum E { A { x: u8 } } } => { pub(super) enum E { A { x: u8, y: u8 } } }
    a_field_is_lost_by_a_variant: Breaking
        { pub(super) enum E { A { x: u8, y: u8 }, B } } => { pub(super) enum E { A { x: u8 }, B } }
    text_becomes_an_enum: Breaking
        { pub(super) struct E { a: String } } => { pub(super) struct E { a: In } enum In { A } }
    an_enum_becomes_text: Breaking
        { pub(super) struct E { a: In } enum In { A } } => { pub(super) struct E { a: String } }
    variants_are_spelt_otherwise: Breaking
        { pub(super) enum E { PaidUp } } => { #[serde(rename_all = "snake_case")] pub(super) enum E { PaidUp } }
}

// Types that describe themselves: their samples tell.
changes! {
    a_tag_moves_inside: Breaking [] [json!({ "t": "A", "x": 1 })]
        { pub(super) enum E { A { x: u8 } } } => { #[serde(tag = "t")] pub(super) enum E { A { x: u8 } } }
    a_tag_is_renamed: Breaking [json!({ "t": "A", "x": 1 })] [json!({ "u": "A", "x": 1 })]
        { #[serde(tag = "t")] pub(super) enum E { A { x: u8 } } } => { #[serde(tag = "u")] pub(super) enum E { A { x: u8 } } }
    a_tagged_variant_is_added: Backward
        [json!({ "t": "A", "x": 1 })] [json!({ "t": "A", "x": 1 }), json!({ "t": "B" })]
        { #[serde(tag = "t")] pub(super) enum E { A { x: u8 } } }
        => { #[serde(tag = "t")] pub(super) enum E { A { x: u8 }, B } }
    a_tagged_variant_is_lost: Forward
        [json!({ "t": "A", "x": 1 }), json!({ "t": "B" })] [json!({ "t": "A", "x": 1 })]
        { #[serde(tag = "t")] pub(super) enum E { A { x: u8 }, B } }
        => { #[serde(tag = "t")] pub(super) enum E { A { x: u8 } } }
    a_field_is_added_to_a_tagged_variant: Breaking
        [json!({ "t": "A", "x": 1 })] [json!({ "t": "A", "x": 1, "y": 1 })]
        { #[serde(tag = "t")] pub(super) enum E { A { x: u8 } } }
        => { #[serde(tag = "t")] pub(super) enum E { A { x: u8, y: u8 } } }
    a_variant_without_a_tag_is_added: Backward
        [json!(1)] [json!(1), json!("x")]
        { #[serde(untagged)] pub(super) enum E { A(u8) } }
        => { #[serde(untagged)] pub(super) enum E { A(u8), B(String) } }
    a_variant_without_a_tag_is_lost: Forward
        [json!(1), json!("x")] [json!(1)]
        { #[serde(untagged)] pub(super) enum E { A(u8), B(String) } }
        => { #[serde(untagged)] pub(super) enum E { A(u8) } }
    fields_are_flattened: Breaking [] [json!({ "a": 1, "x": 1 })]
        { pub(super) struct E { a: u8, b: In } struct In { x: u8 } }
        => { pub(super) struct E { a: u8, #[serde(flatten)] b: In } struct In { x: u8 } }
    a_flattened_field_is_added: Breaking
        [json!({ "a": 1, "x": 1 })] [json!({ "a": 1, "x": 1, "y": 1 })]
        { pub(super) struct E { a: u8, #[serde(flatten)] b: In } struct In { x: u8 } }
        => { pub(super) struct E { a: u8, #[serde(flatten)] b: In } struct In { x: u8, y: u8 } }
    a_content_moves_beside_its_tag: Breaking [] [json!({ "t": "A", "c": 1 })]
        { pub(super) enum E { A(u8) } } => { #[serde(tag = "t", content = "c")] pub(super) enum E { A(u8) } }
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
