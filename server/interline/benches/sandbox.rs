//! What the sandbox costs: `true` as a plain child, and in the sandbox over a small and over a large workspace, taking
//! turns in one run. `cargo bench -p interline --bench sandbox`; Linux only.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use interline_tools::sandbox::{self, Level, Limits, Mount, Network, Spec};
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 200;
const FILES: usize = 100_000;
/// Added to a plain child's time at most, in the median.
const BAR: Duration = Duration::from_millis(15);

fn main() {
    // Cargo passes it to benchmarks and, without it, builds them as tests: then there is nothing to do.
    if !cfg!(target_os = "linux") || !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let (small, large) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for number in 0..FILES {
        let folder = large
            .path()
            .join("workspace")
            .join(format!("{}", number / 100));
        if number % 100 == 0 {
            std::fs::create_dir_all(&folder).unwrap();
        }
        std::fs::File::create(folder.join(format!("{number}.txt"))).unwrap();
    }
    let specs = [spec(small.path()), spec(large.path())];
    let mut times = [const { Vec::new() }; 3];
    for round in 0..ROUNDS {
        let [plain, in_small, in_large] = &mut times;
        plain.push(plain_child().await);
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in order {
            let took = sandboxed(&specs[which]).await;
            if which == 0 {
                in_small.push(took)
            } else {
                in_large.push(took)
            }
        }
    }
    let names = [
        "plain child",
        "sandbox, small workspace",
        "sandbox, 100,000 files",
    ];
    let medians: Vec<_> = names
        .iter()
        .zip(&mut times)
        .map(|(name, times)| report(name, times))
        .collect();
    for (name, median) in names.iter().zip(&medians).skip(1) {
        let added = median.saturating_sub(medians[0]);
        let verdict = if added <= BAR { "within" } else { "OVER" };
        println!("{name}: adds {added:.2?} ({verdict} the bar of {BAR:?})");
    }
}

fn report(name: &str, times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let median = times[times.len() / 2];
    println!(
        "{name}: {:.2?} / {median:.2?} / {:.2?} (min / median / max)",
        times[0],
        times[times.len() - 1]
    );
    median
}

async fn plain_child() -> Duration {
    let start = Instant::now();
    let status = tokio::process::Command::new("/bin/true")
        .status()
        .await
        .unwrap();
    assert!(status.success());
    start.elapsed()
}

async fn sandboxed(spec: &Spec) -> Duration {
    let launcher = Path::new(env!("CARGO_BIN_EXE_interline"));
    let start = Instant::now();
    let never = CancellationToken::new();
    let ended = sandbox::run(launcher, spec, Duration::from_secs(10), &never).await;
    assert!(ended.unwrap().status.unwrap().success());
    start.elapsed()
}

fn spec(place: &Path) -> Spec {
    let at = |name: &str| place.join(name);
    for name in ["workspace", "upper", "work"] {
        std::fs::create_dir_all(at(name)).unwrap();
    }
    let env: Vec<_> = std::env::vars()
        .filter(|(name, _)| ["HOME", "PATH"].contains(&name.as_str()))
        .collect();
    let overlay = Mount::Overlay {
        lower: vec![at("workspace")],
        upper: at("upper"),
        work: at("work"),
        at: at("workspace"),
    };
    Spec {
        input: None,
        program: "/bin/true".into(),
        arguments: Vec::new(),
        folder: at("workspace"),
        mounts: sandbox::mounts(&env, place, vec![overlay]).unwrap(),
        environment: env,
        network: Network::Nobody,
        limits: Limits::default(),
        level: Level::Namespaces,
    }
}
