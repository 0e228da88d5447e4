//! A gateway that is no company but a file. What it does with a card depends on the card's token.

use super::{Answer, Answering, Gateway, GatewayError, Token};
use crate::payment::CardRef;
use es_runtime::{Entropy, SystemEntropy};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

const TABLES: &str = "
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS cards (key TEXT PRIMARY KEY, card TEXT NOT NULL UNIQUE, token TEXT NOT NULL) STRICT;
-- `due` is when the gateway answers, and `tell` when it begins to tell of an approval until it is heard; both in
-- milliseconds since 1970, and never where they are NULL.
CREATE TABLE IF NOT EXISTS charges (
    key TEXT PRIMARY KEY, card TEXT NOT NULL, amount_cents INTEGER NOT NULL, due INTEGER,
    approved INTEGER NOT NULL, tell INTEGER, refunded INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS unheard ON charges (tell) WHERE tell IS NOT NULL;";

/// How long it leaves whoever has asked time to say that the answer was heard.
const PATIENCE: Duration = Duration::from_secs(1);

/// The gateway, in a file of its own: another company keeps its books elsewhere.
#[derive(Clone)]
pub struct Simulated {
    books: Arc<Mutex<Connection>>,
    late: Duration,
}

struct Entry {
    card: String,
    amount_cents: i64,
    due: Option<i64>,
    answer: Answer,
}

impl Simulated {
    /// The gateway whose books are in `file`, and which takes so long where it is late.
    pub fn open(file: &Path, late: Duration) -> Result<Self, GatewayError> {
        let books = Connection::open(file)?;
        books.busy_timeout(Duration::from_secs(5))?;
        books.execute_batch(TABLES)?;
        Ok(Self { books: Arc::new(Mutex::new(books)), late })
    }

    async fn books<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, GatewayError> + Send + 'static,
    ) -> Result<T, GatewayError> {
        let books = Arc::clone(&self.books);
        let done = spawn_blocking(move || work(&books.lock().unwrap_or_else(PoisonError::into_inner))).await;
        done.unwrap_or_else(|error| Err(GatewayError::Unreachable(error.to_string())))
    }

    async fn keep_card(&self, key: String, token: String) -> Result<CardRef, GatewayError> {
        if !matches!(&*token, "tok_approve" | "tok_decline" | "tok_timeout" | "tok_late") {
            return Err(GatewayError::UnknownCard);
        }
        let entropy = SystemEntropy::default();
        let card = format!("card_{:016x}{:016x}", entropy.next(), entropy.next());
        self.books(move |books| {
            let insert = "INSERT INTO cards VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
            books.execute(insert, params![key, card, token])?;
            let find = "SELECT card, token FROM cards WHERE key = ?";
            let (card, kept): (String, String) =
                books.query_row(find, [key], |row| Ok((row.get(0)?, row.get(1)?)))?;
            if kept == token { Ok(CardRef::new(card)) } else { Err(GatewayError::KeyReused) }
        })
        .await
    }

    /// Notes a charge, or finds it where it was noted before.
    async fn enter(&self, key: String, card: String, amount_cents: i64) -> Result<Entry, GatewayError> {
        let late = millis(self.late);
        self.books(move |books| {
            let find = "SELECT token FROM cards WHERE card = ?";
            let token: Option<String> = books.query_row(find, [&card], |row| row.get(0)).optional()?;
            let (now, patience) = (now(), millis(PATIENCE));
            let (due, approved, tell) = match token.as_deref() {
                Some("tok_approve") => (Some(now), true, Some(now + patience)),
                Some("tok_decline") => (Some(now), false, None),
                Some("tok_late") => (Some(now + late), true, Some(now + late)),
                Some(_) => (None, false, None),
                None => return Err(GatewayError::UnknownCard),
            };
            let insert = "INSERT INTO charges (key, card, amount_cents, due, approved, tell) \
                          VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
            books.execute(insert, params![key, card, amount_cents, due, approved, tell])?;
            let find = "SELECT card, amount_cents, due, approved FROM charges WHERE key = ?";
            let entry = books.query_row(find, [key], Entry::of)?;
            if (&entry.card, entry.amount_cents) != (&card, amount_cents) {
                return Err(GatewayError::KeyReused);
            }
            Ok(entry)
        })
        .await
    }
}

impl Gateway for Simulated {
    fn keep<'a>(&'a self, key: &'a str, token: &'a Token) -> Answering<'a, CardRef> {
        Box::pin(self.keep_card(key.to_owned(), token.0.clone()))
    }

    fn charge<'a>(&'a self, key: &'a str, card: &'a CardRef, amount_cents: i64) -> Answering<'a, Answer> {
        Box::pin(async move {
            let entry = self.enter(key.to_owned(), card.as_str().to_owned(), amount_cents).await?;
            match entry.due {
                Some(due) => sleep(Duration::from_millis((due - now()).try_into().unwrap_or(0))).await,
                None => std::future::pending().await,
            }
            Ok(entry.answer)
        })
    }

    fn refund<'a>(&'a self, key: &'a str) -> Answering<'a, ()> {
        let key = key.to_owned();
        Box::pin(self.books(move |books| {
            let refund = "UPDATE charges SET refunded = 1 WHERE key = ? AND approved AND due <= ?";
            match books.execute(refund, params![key, now()])? {
                0 => Err(GatewayError::NothingTaken),
                _ => Ok(()),
            }
        }))
    }

    fn unheard(&self) -> Answering<'_, Vec<String>> {
        Box::pin(self.books(|books| {
            let mut find =
                books.prepare_cached("SELECT key FROM charges WHERE tell <= ? ORDER BY tell LIMIT 100")?;
            let keys = find.query_map([now()], |row| row.get(0))?.collect::<Result<_, _>>()?;
            Ok(keys)
        }))
    }

    fn heard<'a>(&'a self, key: &'a str) -> Answering<'a, ()> {
        let key = key.to_owned();
        Box::pin(self.books(move |books| {
            books.execute("UPDATE charges SET tell = NULL WHERE key = ?", [key])?;
            Ok(())
        }))
    }
}

impl Entry {
    fn of(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        let answer = if row.get(3)? { Answer::Approved } else { Answer::Declined };
        Ok(Self { card: row.get(0)?, amount_cents: row.get(1)?, due: row.get(2)?, answer })
    }
}

impl From<rusqlite::Error> for GatewayError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

/// The gateway's own clock.
fn now() -> i64 {
    millis(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn token(text: &str) -> Token {
        Token(text.into())
    }

    fn gateway() -> (Simulated, tempfile::TempDir) {
        let folder = tempfile::tempdir().expect("a folder");
        let late = Duration::from_millis(100);
        (Simulated::open(&folder.path().join("gateway.db"), late).expect("a file"), folder)
    }

    #[tokio::test]
    async fn a_card_is_kept_under_another_name() {
        let (gateway, _folder) = gateway();
        let card = gateway.keep("1", &token("tok_approve")).await.expect("known");
        assert!(!card.as_str().contains("tok"), "{card:?}");
        assert_eq!(gateway.keep("1", &token("tok_approve")).await.expect("the same"), card);
        assert_ne!(gateway.keep("2", &token("tok_approve")).await.expect("another"), card);
        let other = gateway.keep("1", &token("tok_decline")).await;
        assert!(matches!(other, Err(GatewayError::KeyReused)), "{other:?}");
        let unknown = gateway.keep("3", &token("4242424242424242")).await;
        assert!(matches!(unknown, Err(GatewayError::UnknownCard)), "{unknown:?}");
        assert_eq!(format!("{:?}", token("tok_approve")), "Token(..)");
    }

    #[tokio::test]
    async fn a_charge_is_made_once_a_key() {
        let (gateway, _folder) = gateway();
        let card = gateway.keep("1", &token("tok_approve")).await.expect("known");
        for _ in 0..2 {
            assert_eq!(gateway.charge("1", &card, 100).await.expect("an answer"), Answer::Approved);
        }
        let other = gateway.charge("1", &card, 101).await;
        assert!(matches!(other, Err(GatewayError::KeyReused)), "{other:?}");
        let count = |books: &Connection| {
            Ok(books.query_row("SELECT count(*) FROM charges", [], |row| row.get::<_, i64>(0))?)
        };
        assert_eq!(gateway.books(count).await.expect("books"), 1);
        gateway.refund("1").await.expect("taken");
        gateway.refund("1").await.expect("given back before");
        assert!(matches!(gateway.refund("2").await, Err(GatewayError::NothingTaken)));
    }

    #[tokio::test]
    async fn what_it_does_depends_on_the_card() {
        let (gateway, _folder) = gateway();
        let declined = gateway.keep("1", &token("tok_decline")).await.expect("known");
        assert_eq!(gateway.charge("1", &declined, 100).await.expect("an answer"), Answer::Declined);
        assert!(matches!(gateway.refund("1").await, Err(GatewayError::NothingTaken)));

        let silent = gateway.keep("2", &token("tok_timeout")).await.expect("known");
        let answer =
            tokio::time::timeout(Duration::from_millis(150), gateway.charge("2", &silent, 100)).await;
        assert!(answer.is_err(), "it never answers");

        let late = gateway.keep("3", &token("tok_late")).await.expect("known");
        let start = Instant::now();
        let early = tokio::time::timeout(Duration::from_millis(10), gateway.charge("3", &late, 100)).await;
        assert!(early.is_err(), "it takes its time");
        assert_eq!(gateway.unheard().await.expect("books"), Vec::<String>::new());
        assert!(matches!(gateway.refund("3").await, Err(GatewayError::NothingTaken)));
        assert_eq!(gateway.charge("3", &late, 100).await.expect("an answer"), Answer::Approved);
        assert!(start.elapsed() >= Duration::from_millis(100));
        assert_eq!(gateway.unheard().await.expect("books"), ["3"]);
        assert_eq!(gateway.unheard().await.expect("until it is heard"), ["3"]);
        gateway.heard("3").await.expect("books");
        assert_eq!(gateway.unheard().await.expect("books"), Vec::<String>::new());
        gateway.refund("3").await.expect("taken");
    }
}
