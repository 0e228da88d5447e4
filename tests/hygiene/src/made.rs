//! Events and aggregates made by `macro_rules!`, several of them on one line.

macro_rules! happened {
    ($($(#[$meta:meta])* $event:ident = $name:literal),*) => { $(
        $(#[$meta])*
        #[crate::facade::event($name, crate = $crate::facade)]
        #[derive(Debug, Clone, Copy)]
        pub struct $event { /** How many. */ pub count: u32 }
    )* };
}

happened!(/** Sent. */ Sent = "made.sent", /** Lost. */ Lost = "made.lost");

macro_rules! newer {
    ($event:ident, $name:expr, $version:literal, $older:ty) => {
        /// A later shape.
        #[crate::facade::event($name, version = $version, from = $older, crate = crate::facade)]
        #[derive(Debug, Clone, Copy)]
        pub struct $event {
            /// How many.
            pub count: u32,
        }

        impl ::std::convert::From<$older> for $event {
            fn from(old: $older) -> Self {
                Self { count: old.count }
            }
        }
    };
}

newer!(SentV2, "made.sent", 2, Sent);
newer!(SentV3, "made.sent", 3, SentV2);

macro_rules! folded {
    ($state:ident = $name:literal, $id:ty: $($event:path),*) => {
        /// The state.
        #[derive(Default, Debug, Clone, Copy, crate::facade::Aggregate)]
        #[aggregate($name, id = $id, events($($event),*), crate = crate::facade)]
        pub struct $state {
            /// How many.
            pub count: u32,
        }

        $(
            impl crate::facade::Apply<$event> for $state {
                fn apply(&mut self, event: &$event) {
                    self.count += event.count;
                }
            }
        )*
    };
}

folded!(Parcel = "made.parcel", u64: SentV3, Lost);
