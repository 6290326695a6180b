//! What a newcomer is told: commands that can be pasted as they stand.

use std::net::SocketAddr;
use std::path::Path;

use crate::server::{Demo, Ready};

/// Returns the words, having created a project where there was none.
pub(super) async fn welcome(ready: &Ready) -> anyhow::Result<String> {
    Ok(words(ready.address, &ready.data_dir.admin_key_path(), &ready.demo().await?))
}

fn words(address: SocketAddr, key: &Path, demo: &Demo) -> String {
    let Demo { project, branch } = demo;
    let api = format!("http://{address}/api/v2");
    let key = key.display();
    format!(
        r#"
Offshoot is ready at {api}
The admin key is in {key}

Paste this into another terminal, line by line or as a whole:

  # the address, the key and the project
  api={api} auth="Authorization: Bearer $(cat '{key}')" project={project} main={branch}

  # create a role on the branch main, and see its password and its operations
  curl -s -w '\n' $api/projects/$project/branches/$main/roles -H "$auth" -d '{{"role":{{"name":"sally"}}}}'

  # wait until every operation is done
  while curl -s $api/projects/$project/operations -H "$auth" | grep -qE '"(running|scheduling)"'; do sleep 0.2; done

  # log in as the role, to a real Postgres
  psql "$(curl -s "{main_uri}" -H "$auth" | cut -d'"' -f4)" -c 'select current_user, version()'

  # branch: the child is born with its parent's roles and their passwords
  child=$(curl -s $api/projects/$project/branches -H "$auth" -d '{{"endpoints":[{{"type":"read_write"}}]}}' | grep -oE 'br-[a-z]+-[a-z]+-[a-z0-9]{{8}}' | head -1)

  # list the child's roles
  curl -s -w '\n' $api/projects/$project/branches/$child/roles -H "$auth"

  # log in to the child's own Postgres, as the role that it inherited
  while curl -s $api/projects/$project/operations -H "$auth" | grep -qE '"(running|scheduling)"'; do sleep 0.2; done
  psql "$(curl -s "{child_uri}" -H "$auth" | cut -d'"' -f4)" -c 'select current_user, inet_server_port()'

  # go back: note the time, drop the role from the child, and restore the child to that time
  then=$(curl -s $api/projects/$project/branches/$child -H "$auth" | grep -oE '"updated_at":"[^"]+"' | cut -d'"' -f4)
  curl -s -w '\n' -X DELETE $api/projects/$project/branches/$child/roles/sally -H "$auth"
  curl -s -w '\n' $api/projects/$project/branches/$child/restore -H "$auth" -d '{{"source_branch_id":"'$child'","source_timestamp":"'$then'","preserve_under_name":"without-sally"}}'

  # or make the child what main is now
  curl -s -w '\n' $api/projects/$project/branches/$child/restore -H "$auth" -d '{{"source_branch_id":"'$main'"}}'

Stop the server with Ctrl-C."#,
        main_uri = connection("$main"),
        child_uri = connection("$child"),
    )
}

fn connection(branch: &str) -> String {
    format!(
        "$api/projects/$project/connection_uri?branch_id={branch}&database_name=neondb&role_name=sally"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readme_shows_the_commands_that_are_printed() {
        let readme = include_str!("../../README.md");
        let demo = Demo {
            project: "lingering-bar-45429163".into(),
            branch: "br-lucky-frog-0ar65ogb".into(),
        };
        let address = "127.0.0.1:8080".parse().expect("an address");
        let words = words(address, Path::new("offshoot-data/admin.key"), &demo);
        let commands = words.lines().filter_map(|line| line.strip_prefix("  "));
        for command in commands.filter(|command| !command.is_empty()) {
            assert!(readme.contains(&format!("\n$ {command}\n")), "README.md lacks: {command}");
        }
    }
}
