//! Guests that the platforms told of. Marked when they vanish, never deleted.

use rusqlite::{Connection, Row, params};
use std::collections::{BTreeMap, BTreeSet};
use wakehub_domain::{ConnectionId, NodeId, NodeKind, Timestamp};

use crate::row::{from_json, from_word, time, time_if_any, to_json};
use crate::{Store, StoreError};

/// As a platform told of it just now.
#[derive(Clone, PartialEq, Debug)]
pub struct SeenGuest {
    pub kind: NodeKind,
    /// A vmid, or a container's name.
    pub platform_id: String,
    pub name: String,
    /// By which a recreated container is found again: `compose project/service`.
    pub identity: Option<String>,
    /// Everything else that the platform knows, kept as it is.
    pub details: serde_json::Value,
}

#[derive(Clone, PartialEq, Debug)]
pub struct DiscoveredGuest {
    /// The node and the API of it that told.
    pub from: ConnectionId,
    pub guest: SeenGuest,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// Since when the platform knows it no longer.
    pub vanished_at: Option<Timestamp>,
}

/// What a discovery changed, as platform ids in ascending order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Discovery {
    pub added: Vec<String>,
    /// Guests that have another platform id now: from, to.
    pub followed: Vec<(String, String)>,
    pub vanished: Vec<String>,
    /// Had vanished and are back.
    pub returned: Vec<String>,
}

impl Store {
    /// Keeps what one API of a host told. With `complete`, what it did not tell has vanished, and a guest whose platform
    /// id is new takes over the record of the one that vanished with the same identity, if there is exactly one of each.
    pub fn record_discovery(
        &mut self,
        from: ConnectionId,
        guests: &[SeenGuest],
        complete: bool,
        at: Timestamp,
    ) -> Result<Discovery, StoreError> {
        let transaction = self.write()?;
        let mut discovery = Discovery::default();
        let mut known = known(&transaction, from)?;
        let seen: BTreeSet<&str> = guests.iter().map(|g| g.platform_id.as_str()).collect();
        if complete {
            discovery.followed = follow(&transaction, from, guests, &seen, &mut known)?;
        }
        for guest in guests {
            match known.get(&guest.platform_id) {
                None => discovery.added.push(guest.platform_id.clone()),
                Some(row) if row.vanished => discovery.returned.push(guest.platform_id.clone()),
                Some(_) => {}
            }
            upsert(&transaction, from, guest, at)?;
        }
        if complete {
            let gone = known
                .iter()
                .filter(|(id, row)| !row.vanished && !seen.contains(id.as_str()));
            for (platform_id, _) in gone {
                mark_vanished(&transaction, from, platform_id, at)?;
                discovery.vanished.push(platform_id.clone());
            }
        }
        transaction.commit()?;
        discovery.added.sort();
        discovery.returned.sort();
        // a guest that is told of twice is one
        discovery.added.dedup();
        discovery.returned.dedup();
        Ok(discovery)
    }

    /// The platform told that the guest is gone.
    pub fn mark_vanished(
        &mut self,
        from: ConnectionId,
        platform_id: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        mark_vanished(&self.connection, from, platform_id, at)
    }

    /// By host in order of creation, then by name; vanished ones too.
    pub fn discovered(&self) -> Result<Vec<DiscoveredGuest>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT * FROM discovered ORDER BY host, capability, name, platform_id",
        )?;
        let mut rows = statement.query([])?;
        let mut guests = Vec::new();
        while let Some(row) = rows.next()? {
            guests.push(read(row)?);
        }
        Ok(guests)
    }
}

struct Known {
    identity: Option<String>,
    vanished: bool,
}

fn known(
    connection: &Connection,
    from: ConnectionId,
) -> Result<BTreeMap<String, Known>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT platform_id, identity, vanished_at IS NOT NULL FROM discovered
         WHERE host = ?1 AND capability = ?2",
    )?;
    let rows = statement.query_map(params![from.node.0, from.capability.as_str()], |row| {
        Ok((
            row.get(0)?,
            Known {
                identity: row.get(1)?,
                vanished: row.get(2)?,
            },
        ))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn follow(
    connection: &Connection,
    from: ConnectionId,
    guests: &[SeenGuest],
    seen: &BTreeSet<&str>,
    known: &mut BTreeMap<String, Known>,
) -> Result<Vec<(String, String)>, StoreError> {
    let mut arrived: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for guest in guests {
        if let Some(identity) = &guest.identity
            && !known.contains_key(&guest.platform_id)
        {
            arrived
                .entry(identity)
                .or_default()
                .push(&guest.platform_id);
        }
    }
    let mut followed = Vec::new();
    for (identity, new) in arrived {
        let left: Vec<String> = known
            .iter()
            .filter(|(id, row)| {
                row.identity.as_deref() == Some(identity) && !seen.contains(id.as_str())
            })
            .map(|(id, _)| id.clone())
            .collect();
        // several replicas of one service cannot be told apart
        let ([old], [new]) = (left.as_slice(), new.as_slice()) else {
            continue;
        };
        connection
            .prepare_cached(
                "UPDATE discovered SET platform_id = ?4 WHERE host = ?1 AND capability = ?2 AND platform_id = ?3",
            )?
            .execute(params![from.node.0, from.capability.as_str(), old, new])?;
        if let Some(row) = known.remove(old) {
            known.insert((*new).to_owned(), row);
        }
        followed.push((old.clone(), (*new).to_owned()));
    }
    followed.sort();
    Ok(followed)
}

fn upsert(
    connection: &Connection,
    from: ConnectionId,
    guest: &SeenGuest,
    at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO discovered (host, capability, platform_id, kind, name, identity, details, first_seen, last_seen)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
             ON CONFLICT (host, capability, platform_id) DO UPDATE SET
                 kind = ?4, name = ?5, identity = ?6, details = ?7, last_seen = ?8, vanished_at = NULL",
        )?
        .execute(params![
            from.node.0,
            from.capability.as_str(),
            guest.platform_id,
            guest.kind.as_str(),
            guest.name,
            guest.identity,
            to_json(&guest.details)?,
            at.0,
        ])?;
    Ok(())
}

fn mark_vanished(
    connection: &Connection,
    from: ConnectionId,
    platform_id: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE discovered SET vanished_at = ?4
             WHERE host = ?1 AND capability = ?2 AND platform_id = ?3 AND vanished_at IS NULL",
        )?
        .execute(params![
            from.node.0,
            from.capability.as_str(),
            platform_id,
            at.0
        ])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<DiscoveredGuest, StoreError> {
    let name: String = row.get("name")?;
    let what = || format!("the discovered guest {name}");
    let (capability, kind, details): (String, String, String) = (
        row.get("capability")?,
        row.get("kind")?,
        row.get("details")?,
    );
    Ok(DiscoveredGuest {
        from: ConnectionId {
            node: NodeId(row.get("host")?),
            capability: from_word(what, &capability)?,
        },
        first_seen: time(row, "first_seen")?,
        last_seen: time(row, "last_seen")?,
        vanished_at: time_if_any(row, "vanished_at")?,
        guest: SeenGuest {
            kind: from_word(what, &kind)?,
            platform_id: row.get("platform_id")?,
            identity: row.get("identity")?,
            details: from_json(what, &details)?,
            name,
        },
    })
}
