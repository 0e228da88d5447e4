use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {
    pub customer: String,
}

impl serde::Serialize for OrderPlaced {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.customer)
    }
}

fn main() {}
