//! What the README says of looking back can be pasted as it stands.

use serde_json::{Value, json};

use super::plane::TestProject;

const README: &str = include_str!("../../../README.md");

/// Returns what is asked for by the commands of a section, below the project.
fn paths(section: &str) -> Vec<String> {
    let (_, rest) = README.split_once(&format!("\n## {section}\n")).expect("a section");
    let section = rest.split("\n## ").next().expect("a first part");
    let commands = section.lines().filter_map(|line| line.strip_prefix("$ curl -s "));
    let below = |command: &str| {
        let (_, rest) = command.split_once("\"$api/projects/$project").expect("a quoted URL");
        rest.split('"').next().expect("a first part").to_owned()
    };
    commands.map(below).collect()
}

#[tokio::test]
async fn the_commands_of_looking_back_are_answered() {
    let project = TestProject::new().await;
    let main = project.main();
    let then = project.create_role(&main, "sally").await["created_at"].clone();
    project.create_role(&main, "late").await;
    let child = project.create_branch(json!({ "parent_timestamp": then })).await;
    let paths = paths("Look back");
    assert!(5 <= paths.len(), "{paths:?}");
    for path in paths {
        let asked = path
            .replace("$main", main.trim_start_matches("/branches/"))
            .replace("$child", child.trim_start_matches("/branches/"))
            .replace("$then", then.as_str().expect("a time"));
        assert!(!asked.contains('$'), "{asked}");
        let answer = project.ask("GET", &asked, Value::Null).await;
        assert_eq!(answer.status, 200, "{path}: {:#}", answer.body);
        let body = answer.body.to_string();
        for (part, word) in [("history", "entries"), ("audit", "entries"), ("explain", "left_out")]
        {
            assert!(!path.contains(part) || body.contains(word), "{path}: {body}");
        }
    }
}
