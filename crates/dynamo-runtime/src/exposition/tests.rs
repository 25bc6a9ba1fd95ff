//! External expositions in formats that allow less than the text format.

use super::{ExpositionFormat, Rules, merge, parse};

fn convert(text: &str, accept: &str) -> String {
    let parsed = parse(text, &Rules::default(), &"".into());
    let (families, _) = merge(Vec::new(), parsed.families.into_iter());
    let mut out = Vec::new();
    ExpositionFormat::negotiate([accept].into_iter()).write(families, None, false, &mut out);
    String::from_utf8(out).unwrap()
}

fn as_openmetrics(text: &str) -> String {
    convert(text, "application/openmetrics-text")
}

fn as_openmetrics_2(text: &str) -> String {
    convert(text, "application/openmetrics-text;version=2.0.0")
}

#[test]
fn a_counter_that_openmetrics_has_no_name_for_is_unknown() {
    for text in [
        "# TYPE a counter\na 1\n",
        "# TYPE _total counter\n_total 1\n",
        "# TYPE a_total counter\na_total 1\n# TYPE a gauge\na 2\n",
        "# TYPE a_total counter\na_total -1\n",
        "# TYPE a_total counter\na_total NaN\n",
        "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\n# TYPE h_count_total counter\nh_count_total 1\n",
        "# TYPE h histogram\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\n# TYPE h_created_total counter\nh_created_total 1\n",
        "# TYPE a_total counter\na_total 1\n# TYPE a_created_total counter\na_created_total 1\n",
    ] {
        let exposition = as_openmetrics(text);
        assert!(exposition.contains(" unknown\n"), "{exposition}");
    }
    assert!(as_openmetrics("# TYPE a_total counter\na_total 1\n").contains("# TYPE a counter\n"));
}

#[test]
fn a_histogram_below_zero_goes_out_as_unknown_with_all_its_samples() {
    for lines in [
        "h_bucket{le=\"-1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
        "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum -1\nh_count 1\n",
        "h_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_sum NaN\nh_count 1\n",
    ] {
        let exposition = as_openmetrics(&format!("# TYPE h histogram\n{lines}"));
        assert_eq!(exposition.matches(" unknown\n").count(), 3, "{exposition}");
        for line in lines.lines() {
            assert!(exposition.contains(&format!("\n{line}\n")), "{exposition}");
        }
    }
}

#[test]
fn a_histogram_without_a_sum_is_the_same_in_all_formats() {
    let text = "# TYPE h histogram\nh_bucket{le=\"-1\"} 1\nh_bucket{le=\"+Inf\"} 1\nh_count 1\n";
    assert!(convert(text, "").contains("\nh_sum NaN\n"));
    assert!(as_openmetrics(text).contains("\nh_sum NaN\n"));
    assert!(as_openmetrics_2(text).contains("sum:NaN"));
}

const CREATED: &str = "\
# TYPE a_total counter
a_total{x=\"1\"} 1
a_total{x=\"2\"} 1
# TYPE a_created gauge
a_created{x=\"2\"} 1.5
# TYPE h histogram
h_bucket{le=\"+Inf\"} 1
h_sum 1
h_count 1
# TYPE h_created gauge
h_created 7
# TYPE s summary
s_sum 1
s_count 1
# TYPE s_created gauge
s_created 8
";

#[test]
fn a_gauge_of_creation_times_becomes_samples_of_its_family() {
    let exposition = as_openmetrics(CREATED);
    assert!(
        exposition.contains("a_total{x=\"1\"} 1\na_total{x=\"2\"} 1\na_created{x=\"2\"} 1.5\n"),
        "{exposition}"
    );
    assert!(
        exposition.contains("h_count 1\nh_created 7\n"),
        "{exposition}"
    );
    assert!(
        exposition.contains("s_count 1\ns_created 8\n"),
        "{exposition}"
    );
    assert!(!exposition.contains("gauge"), "{exposition}");
    let text = convert(CREATED, "");
    assert!(text.contains("# TYPE a_created gauge\na_created{x=\"2\"} 1.5\n"));
}

#[test]
fn creation_times_of_missing_series_stay_a_gauge() {
    let text = format!(
        "{CREATED}a_created{{x=\"3\"}} 2.5\nh_created{{x=\"1\"}} 9\ns_created{{x=\"1\"}} 9\n"
    );
    let exposition = as_openmetrics(&text);
    for lines in [
        "# TYPE a_total unknown\n# HELP a_total \na_total{x=\"1\"} 1\n",
        "# TYPE a_created gauge\n# HELP a_created \na_created{x=\"2\"} 1.5\na_created{x=\"3\"} 2.5\n",
        "# TYPE h_bucket unknown\n# HELP h_bucket \nh_bucket{le=\"+Inf\"} 1\n",
        "# TYPE h_sum unknown\n# HELP h_sum \nh_sum 1\n",
        "# TYPE h_count unknown\n# HELP h_count \nh_count 1\n",
        "# TYPE h_created gauge\n# HELP h_created \nh_created 7\nh_created{x=\"1\"} 9\n",
        "# TYPE s_sum unknown\n",
    ] {
        assert!(exposition.contains(lines), "{exposition}");
    }
}

#[test]
fn a_summary_that_openmetrics_would_refuse_keeps_its_samples() {
    for (quantile, value, sum, count) in [
        ("0.5", "-1", "1", "1"),
        ("2.0", "1", "1", "1"),
        ("0.5", "1", "-1", "1"),
        ("0.5", "1", "NaN", "1"),
        ("0.5", "1", "1", "1.5"),
    ] {
        let lines = [
            format!("s{{quantile=\"{quantile}\"}} {value}\n"),
            format!("s_sum {sum}\n"),
            format!("s_count {count}\n"),
        ];
        let text = format!("# TYPE s summary\n{}", lines.concat());
        for exposition in [as_openmetrics(&text), as_openmetrics_2(&text)] {
            assert!(
                lines.iter().all(|line| exposition.contains(line)),
                "{exposition}"
            );
            assert_eq!(exposition.matches(" unknown\n").count(), 3, "{exposition}");
        }
    }
}

#[test]
fn openmetrics_2_has_a_line_for_each_series() {
    let text = "\
# TYPE a counter
a 1
# TYPE h histogram
h_bucket{x=\"1\",le=\"0.5\"} 1
h_bucket{x=\"1\",le=\"+Inf\"} 3
h_sum{x=\"1\"} -7.5
h_count{x=\"1\"} 3
# TYPE s summary
s{quantile=\"0.5\"} 1.5
s{quantile=\"0.99\"} NaN
s_sum 9
s_count 4
";
    let expected = "\
# TYPE a counter
# HELP a 
a 1
# TYPE h histogram
# HELP h 
h{x=\"1\"} {count:3,sum:-7.5,bucket:[0.5:1,+Inf:3]}
# TYPE s summary
# HELP s 
s {count:4,sum:9,quantile:[0.5:1.5,0.99:NaN]}
# EOF
";
    assert_eq!(as_openmetrics_2(text), expected);
}

#[test]
fn in_openmetrics_2_totals_that_are_missing_or_not_a_number_change_the_type() {
    let exposition = as_openmetrics_2("# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\n");
    assert!(
        exposition.contains("# TYPE s_sum unknown\n"),
        "{exposition}"
    );
    let exposition = as_openmetrics_2("# TYPE a_total counter\na_total NaN\n");
    assert!(
        exposition.contains("# TYPE a_total unknown\n"),
        "{exposition}"
    );
}
