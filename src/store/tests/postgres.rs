//! What is PostgreSQL's own: its clock, its TLS, its outages.

use super::*;

/// Tests against a new schema.
fn on_schema(test: impl AsyncFn(&server::Schema)) {
    if let Some(server) = server::server() {
        smol::block_on(async { test(&server.schema().await).await });
    }
}

#[test]
fn servers_that_migrate_at_once_do_not_disturb_each_other() {
    on_schema(async |schema| {
        let url = schema.url();
        let opened = futures_util::future::join_all((0..4).map(|_| connect(&url))).await;
        let stores: Vec<PostgresStore> = opened.into_iter().map(Result::unwrap).collect();
        persist(&stores[0], 1, &activated(1)).await.unwrap();
        assert_eq!(stored(&stores[3], 1).await, Some((1, activated(1))));
    });
}

#[test]
fn a_database_of_a_newer_version_is_left_alone() {
    on_schema(async |schema| {
        let store = connect(&schema.url()).await.unwrap();
        tamper(
            &store,
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
             VALUES (99, 'later', TRUE, '', 0)",
            &[],
        )
        .await
        .unwrap();
        let error = connect(&schema.url()).await.unwrap_err();
        assert!(matches!(error, StoreError::TooNew(99)), "{error}");
    });
}

#[test]
fn g13_the_databases_clock_ends_a_lease_whatever_the_servers_clock_says() {
    on_schema(async |schema| {
        let store = connect(&schema.url()).await.unwrap();
        let acquire = async |second| {
            store.acquire(&tenant(), uuid(1), &holder("server-1"), Duration::from_secs(15), at(second)).await
        };
        acquire(1).await.unwrap();
        assert!(acquire(u64::MAX).await.is_err(), "a server whose clock is ahead takes nothing over");
    });
}

#[test]
fn a_commit_is_on_the_disk_whatever_the_databases_default_is() {
    on_schema(async |schema| {
        let store = connect(&schema.url()).await.unwrap();
        let on: String = sqlx::query_scalar("SHOW synchronous_commit").fetch_one(&store.database.pool).await.unwrap();
        assert_eq!(on, "on");
    });
}

#[test]
fn an_outage_of_the_database_passes_when_it_is_back() {
    let Some(cluster) = server::private() else { return };
    smol::block_on(async {
        let store = connect(&cluster.url()).await.unwrap();
        persist(&store, 1, &activated(1)).await.unwrap();
        cluster.restart();
        assert_eq!(stored(&store, 1).await, Some((1, activated(1))), "every connection was cut");
        persist(&store, 2, &activated(1)).await.unwrap();

        cluster.stop();
        let error = store.load(&tenant(), uuid(1)).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains("see that the database runs"), "{error}");
        let error = connect(&cluster.url()).await.unwrap_err();
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error}");
    });
}

#[test]
fn whoever_is_not_let_in_hears_what_to_mend() {
    let Some(cluster) = server::cluster() else { return };
    let (at, root) = (cluster.tcp(), cluster.root());
    let (role, password, root) = (server::ROLE, server::PASSWORD, root.display());
    smol::block_on(async {
        for (url, advice) in [
            (format!("postgres://{role}:wr0ng!C4nary@{at}"), "see to user and password"),
            (
                format!("postgres://{role}:{password}@{}/nowhere", at.trim_end_matches("/postgres")),
                "create the database",
            ),
            // Its certificate is of an authority that nobody knows.
            (format!("postgres://{role}:{password}@{at}?sslmode=verify-full"), "see to sslmode and sslrootcert"),
            // The certificate is for `localhost`.
            (
                format!("postgres://{role}:{password}@{at}?sslmode=verify-full&sslrootcert={root}")
                    .replace("localhost", "127.0.0.1"),
                "see to sslmode and sslrootcert",
            ),
        ] {
            let error = connect(&url).await.unwrap_err();
            assert!(matches!(error, StoreError::NoAccess { .. }), "{error}");
            assert!(error.to_string().contains(advice), "{error}");
            assert!(!format!("{error} {error:?}").contains("C4nary"), "{error:?}");
        }
    });
}

#[test]
fn g1_the_way_to_the_database_is_tls_that_proves_its_end() {
    let Some(cluster) = server::cluster() else { return };
    let (role, password, at) = (server::ROLE, server::PASSWORD, cluster.tcp());
    let url = format!("postgres://{role}:{password}@{at}?sslmode=verify-full&sslrootcert={}", cluster.root().display());
    smol::block_on(async {
        let store = connect(&url).await.unwrap();
        let encrypted: bool = sqlx::query_scalar("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            .fetch_one(&store.database.pool)
            .await
            .unwrap();
        assert!(encrypted);
        assert!(!format!("{store:?}").contains(password), "{store:?}");
    });
}
