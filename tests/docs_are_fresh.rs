//! What the documentation draws or names of the code fails here when it is stale.

use std::path::Path;

use amt_provision_fsm::edges::{edges, mermaid};

fn read(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `UPDATE_DOCS=1 cargo test --test docs_are_fresh` writes the picture anew.
#[test]
fn the_diagram_is_the_edge_list() {
    let block = format!("```mermaid\n{}```\n", mermaid());
    for path in ["README.md", "docs/protocol.md"] {
        let text = read(path);
        if text.contains(&block) {
            continue;
        }
        let begin = text.find("```mermaid\n").unwrap_or_else(|| panic!("{path} has no diagram"));
        let length = text[begin + 3..].find("```\n").unwrap_or_else(|| panic!("{path}: the diagram has no end")) + 7;
        let fresh = format!("{}{block}{}", &text[..begin], &text[begin + length..]);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(format!("{}/{path}", env!("CARGO_MANIFEST_DIR")), fresh).expect("the checkout is writable");
        } else {
            panic!("the diagram in {path} is stale: UPDATE_DOCS=1 cargo test --test docs_are_fresh");
        }
    }
}

#[test]
fn the_number_of_edges_is_the_one_that_is_told() {
    let told = format!("{} edges", edges().count());
    assert!(read("ARCHITECTURE.md").contains(&told), "ARCHITECTURE.md does not say `{told}`");
}

#[test]
fn the_guarantees_are_the_same_in_the_readme_and_in_the_guide() {
    let rows = |text: &str, before: &str| -> Vec<String> {
        text.lines()
            .filter_map(|line| line.strip_prefix(before))
            .filter(|row| row.starts_with("| G"))
            .map(str::to_owned)
            .collect()
    };
    let readme = rows(&read("README.md"), "");
    assert_eq!(readme.len(), 13);
    assert_eq!(rows(&read("src/guide.rs"), "//! "), readme);
}

/// The sources under `folder`, in one text.
fn sources(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    paths
        .map(|path| match path.extension() {
            _ if path.is_dir() => sources(&path),
            Some(extension) if extension == "rs" => std::fs::read_to_string(&path).expect("a readable source"),
            _ => String::new(),
        })
        .collect()
}

/// The tests that a row of a table names: all that is between backquotes behind its first cell.
fn named(row: &str) -> impl Iterator<Item = &str> {
    let cells = row.strip_prefix('|').and_then(|row| row.split_once('|')).map_or("", |(_, cells)| cells);
    cells.split('`').skip(1).step_by(2)
}

#[test]
fn every_guarantee_has_tests_and_every_test_that_an_index_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources: String = ["src", "tests", "fsm/src", "fsm/tests"].map(|folder| sources(&root.join(folder))).concat();
    let index = read("tests/README.md");
    for number in 1..=13 {
        let row = index.lines().find(|line| line.starts_with(&format!("| G{number} |")));
        let row = row.unwrap_or_else(|| panic!("tests/README.md has no row for G{number}"));
        assert!(named(row).next().is_some(), "G{number} has no test");
    }
    for row in index.lines() {
        for name in named(row) {
            assert!(sources.contains(&format!("fn {name}(")), "there is no test `{name}`: {row}");
        }
    }
}
