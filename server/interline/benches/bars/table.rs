//! The table of figures: a line each, with the bar and the statistic that it is about.

use std::time::Duration;

/// The statistic that a bar is about.
#[derive(Clone, Copy)]
pub(crate) enum Bar {
    /// The median is at most so much.
    Median(f64),
    /// 99 of 100 are at most so much.
    P99(f64),
    /// None is more.
    Max(f64),
    /// The median is at least so much.
    AtLeast(f64),
    /// Nobody has set one.
    None,
}

#[expect(clippy::print_stdout, reason = "a benchmark's result")]
pub(crate) fn head() {
    println!(
        "{:<58} {:>16} {:>10} {:>10} {:>10} {:>10} {:>6}",
        "figure", "bar", "min", "median", "p99", "max", "n"
    );
}

#[expect(clippy::print_stdout, reason = "a benchmark's result")]
pub(crate) fn line(name: &str, bar: Bar, mut samples: Vec<f64>) {
    assert!(!samples.is_empty(), "{name}: nothing was measured");
    samples.sort_unstable_by(f64::total_cmp);
    // The nearest rank.
    let at =
        |percent: usize| number(samples[(samples.len() * percent).div_ceil(100).saturating_sub(1)]);
    let bar = match bar {
        Bar::Median(most) => format!("median <= {most}"),
        Bar::P99(most) => format!("p99 < {most}"),
        Bar::Max(most) => format!("max <= {most}"),
        Bar::AtLeast(least) => format!("median >= {least}"),
        Bar::None => String::new(),
    };
    println!(
        "{name:<58} {bar:>16} {:>10} {:>10} {:>10} {:>10} {:>6}",
        at(0),
        at(50),
        at(99),
        at(100),
        samples.len()
    );
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn number(value: f64) -> String {
    if value >= 1000.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.3}")
    }
}
