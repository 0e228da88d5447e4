//! The domain: a cart, events of 137 bytes as JSON, and decisions that look at the state.

use es_runtime::prelude::*;

/// The first event of a cart.
#[event("cart.opened")]
pub struct Opened {
    /// Whose it is.
    pub customer: String,
}

/// What most of the events are: 137 bytes as JSON.
#[event("cart.item_added")]
pub struct ItemAdded {
    /// What.
    pub sku: String,
    /// How many.
    pub quantity: u32,
    /// For how much each.
    pub price_cents: u64,
    /// Of which money.
    pub currency: String,
    /// What the customer wants to say.
    pub note: String,
}

impl ItemAdded {
    /// The `number`th item.
    pub fn nth(number: u64) -> Self {
        Self {
            sku: format!("sku-{:012}", number % 1_000_000),
            quantity: 7,
            price_cents: 12_999,
            currency: "EUR".into(),
            note: "gift wrap, leave at the door: it is a surprise, sh".into(),
        }
    }
}

/// The last event of a cart.
#[event("cart.paid")]
pub struct Paid {
    /// How much.
    pub amount_cents: u64,
}

/// The state.
#[derive(Aggregate, Debug, Default, PartialEq)]
#[aggregate("cart", id = String, events(Opened, ItemAdded, Paid))]
pub struct Cart {
    is_open: bool,
    is_paid: bool,
    total_cents: u64,
}

impl Apply<Opened> for Cart {
    fn apply(&mut self, _: &Opened) {
        self.is_open = true;
    }
}

impl Apply<ItemAdded> for Cart {
    fn apply(&mut self, event: &ItemAdded) {
        self.total_cents += u64::from(event.quantity) * event.price_cents;
    }
}

impl Apply<Paid> for Cart {
    fn apply(&mut self, _: &Paid) {
        self.is_paid = true;
    }
}

/// Why a decision is refused. It never is in a bench.
#[derive(Debug)]
pub struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}

impl Cart {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// When it is open.
    pub fn open(&self) -> Result<Opened, Refused> {
        if self.is_open { Err(Refused) } else { Ok(Opened { customer: "c-1".into() }) }
    }

    /// Adds an item.
    ///
    /// # Errors
    ///
    /// When it is paid.
    pub fn add(&self, number: u64) -> Result<ItemAdded, Refused> {
        if self.is_paid { Err(Refused) } else { Ok(ItemAdded::nth(number)) }
    }

    /// Pays all of it.
    ///
    /// # Errors
    ///
    /// When there is nothing to pay.
    pub fn pay(&self) -> Result<Paid, Refused> {
        if self.is_paid || self.total_cents == 0 {
            return Err(Refused);
        }
        Ok(Paid { amount_cents: self.total_cents })
    }
}

/// The id of the `number`th cart.
pub fn id(number: usize) -> String {
    format!("cart-{number:08}")
}
