//! Waiting for the first of two.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

pub(crate) enum Either<A, B> {
    First(A),
    Second(B),
}

/// The outcome of the one that is ready first; of `first` if both are. The other is dropped, unless it is lent.
pub(crate) async fn race<A, B>(
    first: impl Future<Output = A>,
    second: impl Future<Output = B>,
) -> Either<A, B> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    poll_fn(|context| match first.as_mut().poll(context) {
        Poll::Ready(outcome) => Poll::Ready(Either::First(outcome)),
        Poll::Pending => second.as_mut().poll(context).map(Either::Second),
    })
    .await
}
