//! Snapshots, one row a stream.

use super::connection::{Connection, Parameters};
use super::errors::Failure;
use super::rows::{Unread, format, get, natural};
use super::statements::Sql;
use crate::format::Encoded;
use crate::name::StreamName;
use crate::position::Version;
use crate::snapshot::Snapshot;
use uuid::Uuid;

pub(super) async fn load(
    connection: &mut Connection,
    stream: &StreamName,
) -> Result<Option<Snapshot>, Unread> {
    let rows = connection.query(Sql::LoadSnapshot, &[&stream.as_str()]).await?;
    let at = format_args!("the snapshot of `{stream}`");
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some(Snapshot {
        version: Version::new(natural::<i64>(row, 0, "version", &at)?),
        commit: get::<Uuid>(row, 1, "commit_id", &at)?.into(),
        // PostgreSQL has no unsigned numbers: the same 64 bits stand for another one.
        fingerprint: get::<i64>(row, 2, "fingerprint", &at)? as u64,
        state: Encoded::new(format(row, 3, &at)?, get::<&[u8]>(row, 4, "state", &at)?),
    }))
}

pub(super) async fn save(
    connection: &mut Connection,
    stream: &StreamName,
    snapshot: &Snapshot,
) -> Result<(), Failure> {
    let version = i64::try_from(snapshot.version.get()).unwrap_or(i64::MAX);
    let format = i16::from(snapshot.state.format().code());
    let (commit, fingerprint) = (snapshot.commit.as_uuid(), snapshot.fingerprint as i64);
    let (stream, state) = (stream.as_str(), snapshot.state.bytes());
    let parameters: Parameters<'_> = &[&stream, &version, commit, &fingerprint, &format, &state];
    connection.query(Sql::SaveSnapshot, parameters).await.map(drop)
}

pub(super) async fn delete(connection: &mut Connection, stream: &StreamName) -> Result<(), Failure> {
    connection.query(Sql::DeleteSnapshot, &[&stream.as_str()]).await.map(drop)
}
