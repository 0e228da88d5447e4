use es_runtime::prelude::*;

#[event("order.placed")]
pub struct OrderPlacedV1 {}

#[event("order.placed", version = 2, try_from = OrderPlacedV1)]
pub struct OrderPlaced {}

pub struct NoError;

impl TryFrom<OrderPlacedV1> for OrderPlaced {
    type Error = NoError;

    fn try_from(_: OrderPlacedV1) -> Result<Self, NoError> {
        Err(NoError)
    }
}

fn main() {}
