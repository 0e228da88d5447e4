use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlaced {}

#[derive(Aggregate, Default, serde::Serialize, serde::Deserialize)]
#[aggregate("order", id = u64, events(OrderPlaced), snapshot(every = 100))]
pub struct Order {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip)]
    placed: u32,
}

impl Apply<OrderPlaced> for Order {
    fn apply(&mut self, _: &OrderPlaced) {
        self.placed += 1;
    }
}

fn main() {}
