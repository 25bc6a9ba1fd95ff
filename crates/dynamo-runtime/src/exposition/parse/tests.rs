use super::*;
use crate::exposition::{ExpositionFormat, merge};
use crate::metrics::Kind;

fn render(parsed: Parsed, accept: &str) -> String {
    let (families, _) = merge(Vec::new(), parsed.families.into_iter());
    let mut out = Vec::new();
    ExpositionFormat::negotiate([accept].into_iter()).write(families, None, false, &mut out);
    String::from_utf8(out).unwrap()
}

fn read(text: &str) -> Parsed {
    parse(text, &Rules::default(), &"".into())
}

fn as_text(text: &str) -> String {
    render(read(text), "text/plain")
}

fn dropped(text: &str) -> (u64, u64) {
    let losses = read(text).losses;
    let families = losses.iter().map(|loss| loss.families).sum();
    (families, losses.iter().map(|loss| loss.series).sum())
}

const EXPOSITION: &str = "\
# HELP a_total Some \\\\ \\n text
# TYPE a_total counter
a_total{x=\"1\"} 2
a_total{x=\"\\\"\"} 3 1520879607789
# HELP b 
# TYPE b gauge
b NaN
# HELP h Seconds
# TYPE h histogram
h_bucket{x=\"1\",le=\"0.5\"} 1
h_bucket{x=\"1\",le=\"2.0\"} 1
h_bucket{x=\"1\",le=\"+Inf\"} 3
h_sum{x=\"1\"} 7.5
h_count{x=\"1\"} 3
# HELP s Quantiles
# TYPE s summary
s{quantile=\"0.5\"} 1.5
s{quantile=\"0.99\"} NaN
s_sum 9
s_count 4
# HELP u 
# TYPE u untyped
u{a=\"b\"} -1
";

#[test]
fn an_exposition_in_the_text_format_does_not_change() {
    assert_eq!(as_text(EXPOSITION), EXPOSITION);
}

#[test]
fn openmetrics_counters_get_the_names_of_their_samples() {
    let exposition = "\
# TYPE a counter
# UNIT a seconds
# HELP a Some \\\" text
a_total{x=\"1\"} 2 1520879607.789 # {t=\"1\"} 1 1520879600
a_created{x=\"1\"} 5
# TYPE i info
i_info{v=\"1\"} 1
# EOF
";
    let parsed = read(exposition);
    let kinds: Vec<_> = parsed
        .families
        .iter()
        .map(|external| (external.family.name.as_str(), external.family.kind))
        .collect();
    let expected = [
        ("a_total", Kind::Counter),
        ("a_created", Kind::Gauge),
        ("i_info", Kind::Gauge),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(
        parsed.families[0].series().next().unwrap().timestamp,
        Some(1_520_879_607_789)
    );
    let back = render(parsed, "application/openmetrics-text");
    assert!(
        back.contains(
            "a_total{x=\"1\"} 2 1520879607.789 # {t=\"1\"} 1 1520879600.000\na_created{x=\"1\"} 5 1520879607.789\n"
        ),
        "{back}"
    );
    assert!(back.contains("# HELP a Some \\\" text\n"), "{back}");
}

#[test]
fn an_invalid_line_is_dropped_and_the_others_are_kept() {
    let exposition = "a 1\nb{x=} 1\nb{x=\"1\"} 1\nc 1\n!!\nd one\n";
    assert_eq!(dropped(exposition), (0, 3));
    assert_eq!(
        as_text(exposition),
        "# HELP a \n# TYPE a untyped\na 1\n# HELP b \n# TYPE b untyped\nb{x=\"1\"} 1\n# HELP c \n# TYPE c untyped\nc 1\n"
    );
    let lines: Vec<_> = read(exposition)
        .losses
        .into_iter()
        .map(|loss| (loss.family, loss.line))
        .collect();
    let expected = [("b", 2), ("", 5), ("d", 6)];
    assert_eq!(lines, expected.map(|(name, line)| (name.to_owned(), line)));
}

#[test]
fn a_torn_series_is_dropped_and_the_others_of_its_family_are_kept() {
    let sound = |x| {
        format!(
            "h_bucket{{le=\"+Inf\",x=\"{x}\"}} 2\nh_sum{{x=\"{x}\"}} 1\nh_count{{x=\"{x}\"}} 2\n"
        )
    };
    let torn = "h_bucket{le=\"+Inf\",x=\"3\"} 2\nh_count{x=\"3\"} 3\n";
    let exposition = format!("# TYPE h histogram\n{}{torn}{}", sound(1), sound(9));
    assert_eq!(dropped(&exposition), (0, 1));
    let text = as_text(&exposition);
    assert!(text.contains("x=\"1\"") && text.contains("x=\"9\"") && !text.contains("x=\"3\""));
    let loss = read(&exposition).losses.remove(0);
    assert_eq!((loss.reason, loss.line), (Reason::InvalidSeries, 5));
}

#[test]
fn samples_that_a_histogram_does_not_have_are_dropped_alone() {
    for line in [
        "h 1",
        "h_bucket 1",
        "h_bucket{le=\"x\"} 1",
        "h_count{le=\"1\"} 1",
    ] {
        let exposition = format!("# TYPE h histogram\nh_bucket{{le=\"+Inf\"}} 2\n{line}\n");
        assert_eq!(dropped(&exposition), (0, 1), "{line}");
        assert!(as_text(&exposition).contains("h_count 2\n"), "{line}");
    }
}

#[test]
fn a_label_without_a_value_is_no_label() {
    assert_eq!(dropped("x{a=\"\"} 1\nx 2\n"), (0, 1));
    assert!(as_text("x{a=\"\"} 1\nx 2\n").ends_with("\nx 1\n"));
}

#[test]
fn an_exemplar_keeps_its_time_in_milliseconds() {
    let exposition = "# TYPE a counter\na_total 1 # {t=\"1\"} 1 1708470054.261\n# EOF\n";
    let back = render(read(exposition), "application/openmetrics-text");
    assert!(back.contains(" # {t=\"1\"} 1 1708470054.261\n"), "{back}");
}

#[test]
fn a_sample_is_shown_without_an_exemplar_that_is_not_valid() {
    let long = format!("{{t=\"{}\"}} 1", "x".repeat(128));
    for exemplar in [&long, "{t=\"1\"} 1 -5", "{t=\"1\"", "{\"a.b\"=\"1\"} 1"] {
        let text = format!("# TYPE a counter\na 1 # {exemplar}\n");
        assert_eq!(dropped(&text), (0, 1), "{text}");
        assert!(as_text(&text).ends_with("\na 1\n"));
        let loss = read(&text).losses.remove(0);
        assert_eq!((loss.reason, loss.line), (Reason::InvalidExemplar, 2));
        assert!(loss.text.starts_with("a 1 # "));
    }
    for text in [
        "a 1 # {t=\"1\"} 1\n",
        "# TYPE a gauge\na 1 # {t=\"1\"} 1\n",
        "# TYPE a summary\na{quantile=\"1\"} 1 # {t=\"1\"} 1\na_count 1\n",
        "# TYPE a histogram\na_bucket{le=\"+Inf\"} 1\na_count 1 # {t=\"1\"} 1\n",
    ] {
        assert_eq!(dropped(text), (0, 1), "{text}");
        for accept in [
            "application/openmetrics-text",
            "application/openmetrics-text;version=2.0.0",
        ] {
            assert!(!render(read(text), accept).contains(" # {"), "{text}");
        }
    }
}

#[test]
fn creation_times_are_start_times_of_the_series() {
    let exposition = "# TYPE a counter\na_total{x=\"1\"} 1\na_total 1\na_created{x=\"1\"} 1520879607.789\n# EOF\n";
    let parsed = read(exposition);
    let created: Vec<_> = parsed.families[0]
        .series()
        .map(|series| series.created)
        .collect();
    assert_eq!(
        created,
        [Some(Duration::from_millis(1_520_879_607_789)), None]
    );
    let back = render(parsed, "application/openmetrics-text;version=2.0.0");
    assert!(
        back.contains("a_total{x=\"1\"} 1 st@1520879607.789\n"),
        "{back}"
    );
}

#[test]
fn invalid_histograms_are_dropped() {
    for lines in [
        "h_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 2",
        "h_bucket{le=\"+Inf\"} 2\nh_count 3",
        "h_bucket{le=\"1\"} 0.5\nh_bucket{le=\"+Inf\"} 1",
        "h_bucket{le=\"1\"} 1",
        "h_bucket 1",
        "h 1",
        "h_bucket{le=\"+Inf\"} -1",
        "h_sum{le=\"1\"} 1\nh_count{le=\"1\"} 1",
    ] {
        let exposition = format!("# TYPE h histogram\n{lines}\nother 1\n");
        assert_eq!(dropped(&exposition), (1, 0), "{lines}");
        assert!(as_text(&exposition).contains("other 1"));
    }
    let exposition = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_count 2\n";
    assert!(as_text(exposition).contains("h_bucket{le=\"+Inf\"} 2\n"));
}

#[test]
fn totals_of_a_summary_have_no_quantile() {
    let exposition =
        "# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_count{quantile=\"0.5\"} 1\nother 1\n";
    assert_eq!(dropped(exposition), (0, 1));
    assert!(as_text(exposition).contains("s{quantile=\"0.5\"} 1\n"));
}

#[test]
fn a_duplicate_sample_is_dropped() {
    assert_eq!(
        dropped("a{x=\"1\",y=\"2\"} 1\na{y=\"2\",x=\"1\"} 2\n"),
        (0, 1)
    );
    assert!(as_text("a 1\na 2\n").ends_with("a 1\n"));
    assert_eq!(
        dropped(
            "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\n"
        ),
        (0, 1)
    );
}

#[test]
fn a_timestamp_before_1970_is_dropped() {
    assert!(as_text("a 1 -5\n").ends_with("\na 1\n"));
    assert_eq!(dropped("a 1 -5\na{x=\"1\"} 1 -5\n"), (0, 2));
    assert!(as_text("a 1 5\n").ends_with("\na 1 5\n"));
}

#[test]
fn a_second_or_unknown_type_is_dropped() {
    let exposition = "# TYPE a gauge\na 1\n# TYPE a counter\n";
    assert_eq!(dropped(exposition), (0, 1));
    assert!(as_text(exposition).contains("# TYPE a gauge\na 1\n"));
    let exposition = "# TYPE a thing\na 1\n";
    assert_eq!(dropped(exposition), (0, 1));
    assert!(as_text(exposition).contains("# TYPE a untyped\na 1\n"));
}

#[test]
fn rules_select_families_and_add_missing_labels() {
    let rules = Rules {
        labels: vec![("x".into(), "added".into()), ("y".into(), "added".into())],
        prefixes: vec!["vllm:".into()],
        exclude: vec!["vllm:secret".into()],
    };
    let exposition = "vllm:a{x=\"own\"} 1\nvllm:secret 1\nother 1\n";
    let text = render(parse(exposition, &rules, &"".into()), "");
    assert_eq!(
        text,
        "# HELP vllm:a \n# TYPE vllm:a untyped\nvllm:a{x=\"own\",y=\"added\"} 1\n"
    );
}

#[test]
fn series_that_are_equal_with_added_labels_are_shown_once() {
    let rules = Rules {
        labels: vec![("y".into(), "1".into())],
        ..Rules::default()
    };
    let parsed = parse("a{x=\"1\"} 1\na{x=\"1\",y=\"1\"} 2\n", &rules, &"".into());
    assert_eq!(parsed.losses[0].series, 1);
    let text = render(parsed, "");
    assert!(text.ends_with("untyped\na{x=\"1\",y=\"1\"} 1\n"), "{text}");
}

#[test]
fn units_that_no_format_can_represent_are_dropped() {
    for (given, expected) in [
        ("seconds", Some("seconds")),
        ("1", Some("1")),
        ("a b", None),
        ("", None),
    ] {
        let exposition = format!("# TYPE x gauge\n# UNIT x {given}\nx 1\n# EOF\n");
        let parsed = read(&exposition);
        assert_eq!(
            parsed.families[0].family.unit.as_deref(),
            expected,
            "{given}"
        );
    }
}

#[test]
fn le_and_quantile_are_normalised() {
    let text = as_text(
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"1000000\"} 1\nh_bucket{le=\"Inf\"} 1\n",
    );
    for le in ["1.0", "1e+06", "+Inf"] {
        assert!(text.contains(&format!("{{le=\"{le}\"}}")), "{text}");
    }
}

#[test]
fn names_of_any_characters_are_quoted_or_escaped() {
    let exposition = "# TYPE \"http.requests\" gauge\n{\"http.requests\",\"a.b\"=\"c\"} 1\n";
    assert_eq!(
        as_text(exposition),
        "# HELP http_requests \n# TYPE http_requests gauge\nhttp_requests{a_b=\"c\"} 1\n"
    );
    let utf8 = "text/plain;version=1.0.0;escaping=allow-utf-8";
    assert_eq!(
        render(read(exposition), utf8),
        "# HELP \"http.requests\" \n# TYPE \"http.requests\" gauge\n{\"http.requests\",\"a.b\"=\"c\"} 1\n"
    );
}

#[test]
fn series_that_are_equal_after_escaping_are_shown_once() {
    let exposition = "{\"a.b\",\"c.d\"=\"1\"} 1\n{\"a.b\",c_d=\"1\"} 2\na_b{c_d=\"1\"} 3\na_b{c_d=\"2\"} 4\n{\"a.b\",\"c.d\"=\"1\",c_d=\"2\"} 5\n";
    assert_eq!(
        as_text(exposition),
        "# HELP a_b \n# TYPE a_b untyped\na_b{c_d=\"1\"} 3\na_b{c_d=\"2\"} 4\n"
    );
}
