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

macro_rules! followed {
    ($derive:ident $attribute:ident $name:ident = $stored:literal, $version:literal: $state:path, $($event:path),*) => {
        /// The read model.
        #[derive(Debug, crate::facade::$derive)]
        #[$attribute($stored, version = $version, follows($state), ignore($($event),*), crate = $crate::facade)]
        pub struct $name;
    };
    ($derive:ident $attribute:ident $name:ident = $stored:literal: $state:path, $($event:ident),*) => {
        /// What is done because of it.
        #[derive(Debug, crate::facade::$derive)]
        #[$attribute($stored, follows($state), crate = $crate::facade)]
        pub struct $name;

        $(
            impl crate::facade::On<$event> for $name {
                async fn on(
                    &self,
                    _: &crate::facade::Recorded<$event>,
                    _: &mut crate::facade::Effects,
                ) -> crate::facade::Handled {
                    ::std::result::Result::Ok(())
                }
            }
        )*
    };
}

macro_rules! ended {
    ($state:ident = $name:literal: $($event:path),*; $($past:ident = $stored:literal => $into:path),*; $($moved:path = $why:literal),*) => {
        $(
            /// It does not happen any more.
            #[crate::facade::event($stored, into($into), crate = $crate::facade)]
            #[derive(Debug, Clone, Copy)]
            pub struct $past {
                /// How many.
                pub count: u32,
            }

            impl ::std::convert::From<$past> for $into {
                fn from(old: $past) -> Self {
                    Self { count: old.count }
                }
            }
        )*

        /// The state.
        #[derive(Default, Debug, Clone, Copy, crate::facade::Aggregate)]
        #[aggregate(
            $name,
            id = u64,
            events($($event),*),
            past($($past),*, $($moved = $why),*),
            crate = crate::facade
        )]
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

ended!(Letter = "made.letter": SentV3; Posted = "made.posted" => SentV3; Lost = "a letter is never lost");
folded!(Parcel = "made.parcel", u64: SentV3, Lost);
followed!(Projection projection Parcels = "made.parcels", 7: self::Parcel, self::SentV3, Lost);
followed!(Reaction reaction Search = "made.search": Parcel, SentV3, Lost);
