//! Reading web config files. `tests/process/test_web_config.py` has certificates and clients.

use super::*;

/// Writes a file in a folder of its own, which is removed at the end.
struct File(PathBuf);

impl File {
    fn new(name: &str, content: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("web-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = File(folder.join("web.yml"));
        file.write(content);
        file
    }

    fn write(&self, content: &str) {
        fs::write(&self.0, content).unwrap();
    }

    fn error(&self) -> String {
        let error = WebConfig::load(Some(&self.0)).err().unwrap().to_string();
        let error = error.strip_prefix(&self.0.display().to_string());
        error.unwrap().to_owned()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(self.0.parent().unwrap());
    }
}

const USER: &str =
    "basic_auth_users:\n  a: $2y$10$qRTBuFoULoYNA7AQ/F3ck.trZBPyjV64.oA4ZsSBCIWvXuvQlQTuu\n";

#[test]
fn a_file_may_be_empty_or_have_empty_sections() {
    for content in [
        "",
        "# nothing\n---\n",
        "tls_server_config:\nbasic_auth_users:\nhttp_server_config:\n",
    ] {
        let file = File::new("empty", content);
        assert!(
            WebConfig::load(Some(&file.0)).unwrap().is_open(),
            "{content}"
        );
    }
    let file = File::new("users", USER);
    assert!(!WebConfig::load(Some(&file.0)).unwrap().is_open());
}

#[test]
fn an_error_names_the_line_and_the_key() {
    let file = File::new("errors", "");
    for (content, error) in [
        ("tls:\n", ":1: tls: unknown field"),
        (
            "\n\ntls_server_config:\n  certfile: x\n",
            ":4: tls_server_config.certfile: unknown field",
        ),
        (
            "tls_server_config:\n  client_auth_type: NoClientCert\n",
            ": tls_server_config: has no certificate",
        ),
        (
            "basic_auth_users:\n  a: secret\n",
            ":2: basic_auth_users.a: is not a bcrypt hash",
        ),
        (
            "basic_auth_users:\n  'a:b': secret\n",
            ":2: basic_auth_users.a:b: a user name cannot",
        ),
        (
            "http_server_config:\n  headers:\n    X-Frame-Options: \"a\\nb\"\n",
            ":3: http_server_config.headers.X-Frame-Options: is not a header value",
        ),
        (
            "\nrate_limit:\n  interval: 1s\n  burst: 20\n",
            ": rate_limit: is not supported: leave it out",
        ),
        (
            "tls_server_config:\n  max_version: TLS12\n  cipher_suites:\n    - TLS_AES_128_GCM_SHA256\n",
            ":4: tls_server_config.cipher_suites: no suite is of a version up to max_version",
        ),
        ("a: [\n", ":"),
        (
            "basic_auth_users:\n  a: x\n  a: y\n",
            ":3: basic_auth_users.a: ",
        ),
    ] {
        file.write(content);
        let found = file.error();
        assert!(
            found.contains(error.trim_start_matches(':')),
            "{content:?}: {found}"
        );
        assert!(!found.contains('\n'), "{found}");
    }
    fs::remove_file(&file.0).unwrap();
    assert!(file.error().contains("cannot read"));
}

#[test]
fn a_change_is_read_and_one_that_is_not_valid_or_opens_the_server_is_not() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let file = File::new("reload", USER);
    let web = WebConfig::load(Some(&file.0)).unwrap();
    let reload = || {
        lock(&web.file.as_ref().unwrap().state).next_check = Instant::now();
        runtime.block_on(web.reload());
        web.loaded()
            .unwrap()
            .users
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(reload(), ["a"]);
    file.write(&USER.replace("  a:", "  bob:"));
    assert_eq!(reload(), ["bob"]);
    for content in ["", "basic_auth_users: [", "basic_auth_users:\n  c: plain\n"] {
        file.write(content);
        assert_eq!(reload(), ["bob"], "{content}");
    }
    file.write(&USER.replace("  a:", "  carol:"));
    assert_eq!(reload(), ["carol"]);
}
