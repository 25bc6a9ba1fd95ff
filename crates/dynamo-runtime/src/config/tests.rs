use std::os::unix::ffi::OsStringExt;

use super::*;

fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::from_lookup(|name| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| OsString::from(value))
    })
}

fn message(variable: &str, value: &str) -> String {
    config(&[(variable, value)]).unwrap_err().to_string()
}

#[test]
fn without_variables_the_defaults_hold() {
    let config = config(&[]).unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.port, None);
    assert_eq!(config.host, "0.0.0.0");
    assert_eq!(config.starting_health, HealthStatus::NotReady);
    assert_eq!(config.name_style, NameStyle::Hierarchy);
    assert_eq!(config.callback_timeout, Duration::from_secs(1));
}

#[test]
fn every_variable_is_read() {
    let config = config(&[
        ("DYN_SYSTEM_PORT", "8081"),
        ("DYN_SYSTEM_HOST", "::1"),
        ("DYN_SYSTEM_WEB_CONFIG", "/etc/web.yml"),
        ("DYN_SYSTEM_HEALTH_PATH", "/healthz"),
        ("DYN_SYSTEM_LIVE_PATH", "/probe/live-z"),
        ("DYN_SYSTEM_STARTING_HEALTH_STATUS", "ready"),
        (
            "DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS",
            r#"["generate", "clear"]"#,
        ),
        ("DYN_SYSTEM_PAGE", "off"),
        ("DYN_METRICS_NAME_STYLE", "component"),
        ("DYN_METRICS_CALLBACK_TIMEOUT", "0.25"),
        ("DYN_METRICS_CONST_LABELS", "region=eu"),
        ("DYN_METRICS_MAX_SERIES", "5000"),
        ("DYN_METRICS_CREATED_SAMPLES", "On"),
        ("DYN_METRICS_SHARED_DIR", "/run/metrics"),
    ]);
    let expected = Config {
        port: Some(8081),
        host: "::1".to_owned(),
        web_config: Some("/etc/web.yml".into()),
        health_path: "/healthz".to_owned(),
        live_path: "/probe/live-z".to_owned(),
        starting_health: HealthStatus::Ready,
        required_endpoints: vec!["generate".to_owned(), "clear".to_owned()],
        live_page: false,
        name_style: NameStyle::Component,
        callback_timeout: Duration::from_millis(250),
        const_labels: vec![("region".to_owned(), "eu".to_owned())],
        max_series: 5000,
        created_samples: true,
        shared_dir: Some("/run/metrics".into()),
    };
    assert_eq!(config, Ok(expected));
}

#[test]
fn empty_and_blank_variables_are_unset() {
    for value in ["", "  ", "\t\n"] {
        let variables = [
            PORT.variable,
            HOST.variable,
            HEALTH_PATH.variable,
            LIVE_PATH.variable,
            STARTING_HEALTH.variable,
            REQUIRED_ENDPOINTS.variable,
            LIVE_PAGE.variable,
            NAME_STYLE.variable,
            CALLBACK_TIMEOUT.variable,
            MAX_SERIES.variable,
            CREATED_SAMPLES.variable,
        ]
        .map(|variable| (variable, value));
        assert_eq!(config(&variables), Ok(Config::default()));
    }
}

#[test]
fn ports_are_off_free_or_fixed() {
    for (value, port) in [
        ("-1", None),
        ("0", Some(0)),
        (" 65535 ", Some(65_535)),
        ("1", Some(1)),
    ] {
        assert_eq!(config(&[("DYN_SYSTEM_PORT", value)]).unwrap().port, port);
    }
    for value in ["70000", "-2", "http", "80.0", "0x50", "8081;"] {
        assert_eq!(
            message("DYN_SYSTEM_PORT", value),
            format!(
                "DYN_SYSTEM_PORT={value} is not a port: use -1 (off), 0 (any free port) or 1 to 65535"
            )
        );
    }
}

#[test]
fn paths_that_the_router_would_misread_are_refused() {
    for value in [
        "health",
        "/a b",
        "/{x}",
        "/*",
        "/:id",
        "/a?b",
        "/a#b",
        "/ä",
        "/%2f",
        "http://x/",
    ] {
        let message = message("DYN_SYSTEM_HEALTH_PATH", value);
        assert_eq!(
            message,
            format!(
                "DYN_SYSTEM_HEALTH_PATH={value} is not a path: use a / followed by letters, digits and any of - . _ ~ /"
            )
        );
    }
}

#[test]
fn two_routes_cannot_share_a_path() {
    for (variable, value) in [
        ("DYN_SYSTEM_HEALTH_PATH", "/"),
        ("DYN_SYSTEM_LIVE_PATH", "/metrics"),
        ("DYN_SYSTEM_LIVE_PATH", "/health"),
        ("DYN_SYSTEM_HEALTH_PATH", "/live"),
    ] {
        let error = config(&[(variable, value)]).unwrap_err();
        assert_eq!(error.value, value);
        assert!(
            error.to_string().contains("is the path of another route"),
            "{error}"
        );
    }
    assert!(
        config(&[
            ("DYN_SYSTEM_HEALTH_PATH", "/live"),
            ("DYN_SYSTEM_LIVE_PATH", "/health")
        ])
        .is_ok()
    );
}

#[test]
fn paths_set_in_code_are_checked_as_well() {
    let mut config = Config::default();
    assert_eq!(config.check_paths(), Ok(()));
    config.live_path = "/{id}".to_owned();
    assert_eq!(
        config.check_paths().unwrap_err().variable,
        "DYN_SYSTEM_LIVE_PATH"
    );
}

#[test]
fn words_that_no_setting_knows_are_refused() {
    assert_eq!(
        message("DYN_SYSTEM_STARTING_HEALTH_STATUS", "healthy"),
        "DYN_SYSTEM_STARTING_HEALTH_STATUS=healthy is not a health status: use ready or notready"
    );
    assert_eq!(
        message("DYN_METRICS_NAME_STYLE", "flat"),
        "DYN_METRICS_NAME_STYLE=flat is not a name style: use hierarchy or component"
    );
}

#[test]
fn required_endpoints_are_a_json_list_of_strings() {
    for value in ["generate", "{}", "[1]", r#"["a""#, r#"{"a":"b"}"#] {
        assert_eq!(
            message("DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS", value),
            format!(
                r#"DYN_SYSTEM_USE_ENDPOINT_HEALTH_STATUS={value} is not a list of endpoints: use a JSON list of strings, such as ["generate"]"#
            )
        );
    }
}

#[test]
fn a_callback_timeout_is_a_positive_number_of_seconds() {
    for value in ["0", "-1", "nan", "inf", "1s", "86401", "1e-12"] {
        assert_eq!(
            message("DYN_METRICS_CALLBACK_TIMEOUT", value),
            format!(
                "DYN_METRICS_CALLBACK_TIMEOUT={value} is not a time in seconds: use a number above 0 and at most 86400 (one day)"
            )
        );
    }
}

#[test]
fn a_limit_of_series_is_a_whole_number() {
    for value in ["-1", "many", "1.5", "1e3"] {
        assert_eq!(
            message("DYN_METRICS_MAX_SERIES", value),
            format!(
                "DYN_METRICS_MAX_SERIES={value} is not a number of series: use 0 (no limit) or a whole number above 0"
            )
        );
    }
}

#[test]
fn a_switch_is_on_or_off_in_the_words_that_dynamo_knows() {
    for (value, on) in [("1", true), ("YES", true), ("off", false), ("0", false)] {
        let config = config(&[("DYN_METRICS_CREATED_SAMPLES", value)]).unwrap();
        assert_eq!(config.created_samples, on);
    }
    assert_eq!(
        message("DYN_METRICS_CREATED_SAMPLES", "maybe"),
        "DYN_METRICS_CREATED_SAMPLES=maybe is neither yes nor no: use 1, true, on or yes; or 0, false, off or no"
    );
}

#[test]
fn messages_stay_on_one_line_and_short() {
    let message = message("DYN_SYSTEM_PORT", &format!("1\n2{}", "x".repeat(1000)));
    assert!(message.starts_with(r"DYN_SYSTEM_PORT=1\n2xxx"), "{message}");
    assert!(!message.contains('\n'));
    assert!(message.len() < 250, "{message}");
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    for variable in [HOST.variable, PORT.variable, LIVE_PATH.variable] {
        let result = Config::from_lookup(|name| {
            (name == variable).then(|| OsString::from_vec(vec![b'/', 0xff]))
        });
        assert_eq!(result.unwrap_err().variable, variable);
    }
}

#[test]
fn an_unknown_name_style_lists_those_known() {
    assert_eq!("component".parse(), Ok(NameStyle::Component));
    let error = "flat".parse::<NameStyle>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "`flat` is not known: use hierarchy or component"
    );
}

#[test]
fn a_socket_needs_no_port() {
    let on = |port: &str| {
        let host = ("DYN_SYSTEM_HOST", "unix:/run/worker.sock");
        config(&[host, ("DYN_SYSTEM_PORT", port)]).unwrap().port
    };
    assert_eq!(on(""), Some(0));
    assert_eq!(on("0"), Some(0));
    assert_eq!(on("8081"), Some(8081));
    assert_eq!(on("-1"), None);
}

#[test]
fn a_socket_has_an_absolute_path() {
    for host in ["unix:", "unix:worker.sock", "unix:\u{fffd}", "unix:/\0"] {
        let error = config(&[("DYN_SYSTEM_HOST", host)]).unwrap_err();
        assert_eq!(error.variable, "DYN_SYSTEM_HOST");
    }
}

#[test]
fn constant_labels_are_pairs_of_names_and_values() {
    let read =
        |value| config(&[("DYN_METRICS_CONST_LABELS", value)]).map(|config| config.const_labels);
    let pairs = |pairs: &[(&str, &str)]| {
        let owned = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Ok(pairs.iter().map(owned).collect())
    };
    assert_eq!(read("a=1,b=2"), pairs(&[("a", "1"), ("b", "2")]));
    assert_eq!(
        read(" a = x y , b=k=v "),
        pairs(&[("a", "x y"), ("b", "k=v")])
    );
    assert_eq!(read("a=,b=2"), pairs(&[("b", "2")]));
    for wrong in [
        "a",
        "a=1,",
        "=1",
        "1a=1",
        "a=1,a=2",
        "__a=1",
        "le=1",
        "quantile=1",
        "dynamo_namespace=1",
        "dynamo_component=1",
        "dynamo_endpoint=1",
        "dynamo_process=1",
    ] {
        let message = read(wrong).unwrap_err().to_string();
        assert!(message.contains("name=value pairs"), "{wrong}: {message}");
    }
}
