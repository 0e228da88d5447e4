//! Calls of listeners that may panic.

use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

/// What a listener does with an event.
pub(super) type Hearing = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What a panic said.
pub(super) struct Panicked(pub(super) String);

/// What `call` answers. What it has broken by a panic is its own: the bus keeps nothing that it can reach.
pub(super) fn catch<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| Panicked(text_of(&*panic)))
}

/// Waits for `hearing`, or until it panics.
pub(super) async fn catch_async(mut hearing: Hearing) -> Result<(), Panicked> {
    let heard = poll_fn(|context| match catch(|| hearing.as_mut().poll(context)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await;
    // What it has captured may panic too.
    heard.and(catch(|| drop(hearing)))
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no text").to_owned()
}
