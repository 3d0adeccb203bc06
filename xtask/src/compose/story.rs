//! What a user does with the compose file, done once: up, pay, down, up again.

use std::env;
use std::fs;
use std::path::Path;
use std::process;

use anyhow::{Context, Result, ensure};

use super::stack::{Stack, inspect, until};
use super::told::{accepted, notified};
use super::tool::Compose;
use crate::package::runs;
use crate::step::{Step, Steps};

const PAYMENTS: &str = "payment-service";
const NOTIFICATIONS: &str = "notification-service";
const SERVICES: [&str; 2] = [PAYMENTS, NOTIFICATIONS];

/// Builds the images, and goes the whole way, with restarts in between. `base_images` is a program that makes the base
/// images in an engine that can pull none.
///
/// # Errors
///
/// A part is missing; or something was not as it should be. What the containers logged has been printed then, and they
/// are gone.
pub(crate) fn run(base_images: Option<&Path>) -> Result<()> {
    let compose = Compose::find_or_install()?;
    check_engine()?;
    ensure!(
        runs("curl", &["--version"]),
        "curl is missing, by which payments are made: install it with `apt-get install curl`"
    );
    let mut steps = Steps::default();
    let outcome = run_steps(compose, base_images, &mut steps);
    println!("\n{steps}");
    outcome
}

fn check_engine() -> Result<()> {
    ensure!(
        runs("docker", &["version"]),
        "no Docker engine answers: start one (`apt-get install docker.io`, then, where no service manager does it, `dockerd` as root), or let \
         DOCKER_HOST name one that runs. `cargo xtask compose --check` needs none"
    );
    Ok(())
}

fn run_steps(compose: Compose, base_images: Option<&Path>, steps: &mut Steps) -> Result<()> {
    if let Some(program) = base_images {
        make_base_images(program, steps)?;
    }
    let stack = Stack::new(compose)?;
    let told = tell(&stack, steps);
    if told.is_err() {
        tell_logs(&stack);
    }
    let removed = steps.time("down", "nothing is left", || stack.remove());
    told.and(removed)
}

/// What the containers said last, before they are gone: Kafka first, which talks much and is seldom the one.
fn tell_logs(stack: &Stack) {
    for services in [["kafka"].as_slice(), &SERVICES] {
        let logs = stack.step("logs", &[&["logs", "--no-color", "--tail", "30"], services].concat());
        // It is one more word about a failure: that it cannot be said changes nothing.
        let _ = logs.run();
    }
}

/// Gives the program a folder for what it fetches, which goes afterwards; the images stay in the engine.
fn make_base_images(program: &Path, steps: &mut Steps) -> Result<()> {
    let scratch = env::temp_dir().join(format!("payflow-base-images-{}", process::id()));
    fs::create_dir_all(&scratch).with_context(|| format!("{} cannot be made", scratch.display()))?;
    let made = steps.run(&Step::new("base images", program, [&scratch]));
    // What is left behind does no harm.
    let _ = fs::remove_dir_all(&scratch);
    made
}

fn tell(stack: &Stack, steps: &mut Steps) -> Result<()> {
    steps.run(&stack.step("up", &["up", "--build", "--detach"]))?;
    steps.time("healthy", "both services", || ready(stack))?;
    steps.time("confined", "no root, nothing to write to, and how large", || confined(stack))?;

    let mut first = String::new();
    steps.time("pay", "and be notified", || {
        first = pay(stack)?;
        await_notified(stack, &[&first])
    })?;

    // Accepted, but not notified: it has to come through the restart.
    let mut second = String::new();
    steps.time("pay on", "with the notification service stopped", || {
        stack.step("stop", &["stop", NOTIFICATIONS]).run()?;
        second = pay(stack)?;
        Ok(())
    })?;

    steps.run(&stack.step("down", &["down"]))?;
    steps.run(&stack.step("up again", &["up", "--detach"]))?;
    steps.time("healthy again", "both services", || ready(stack))?;
    // All are one payer's: what came before the second would have been notified before it.
    steps.time("kept", "the payment that waited is notified, and the one before it not again", || {
        await_notified(stack, &[&second])
    })?;
    steps.time("pay again", "and be notified", || {
        let third = pay(stack)?;
        await_notified(stack, &[&second, &third])
    })
}

fn ready(stack: &Stack) -> Result<()> {
    SERVICES.iter().try_for_each(|service| stack.await_healthy(service))
}

fn confined(stack: &Stack) -> Result<()> {
    for service in SERVICES {
        let container = stack.container(service)?;
        let user = inspect(&container, "{{.Config.User}}")?;
        ensure!(
            !["", "0", "root"].contains(&user.split(':').next().unwrap_or_default()),
            "{service} runs as root"
        );
        let read_only = inspect(&container, "{{.HostConfig.ReadonlyRootfs}}")?;
        ensure!(read_only == "true", "the file system of {service} can be written");
        let size = inspect(&inspect(&container, "{{.Image}}")?, "{{.Size}}")?;
        let size: f64 = size.parse().with_context(|| format!("{size:?} is no size"))?;
        println!("{service}: user {user}, image of {:.1} MB", size / 1e6);
    }
    Ok(())
}

/// Pays as the README does, and returns the payment's id.
fn pay(stack: &Stack) -> Result<String> {
    let url = format!("http://{}/pay", stack.payments());
    let pay = Step::new(
        "pay",
        "curl",
        [
            "--silent",
            "--show-error",
            "--max-time",
            "30",
            &url,
            "-H",
            "content-type: application/json",
            "-d",
            PAYMENT,
        ],
    );
    println!("{pay}");
    let answer = pay.output()?;
    println!("{answer}");
    let id = accepted(&answer).with_context(|| format!("the payment was not accepted: {answer}"))?;
    Ok(id.to_owned())
}

/// Waits until the last of them is notified; by then it has to be these, in this order, each once.
fn await_notified(stack: &Stack, ids: &[&str]) -> Result<()> {
    let log = until("the notification", || {
        let log = stack.log(NOTIFICATIONS)?;
        let seen = notified(&log).last() == ids.last();
        Ok(seen.then_some(log))
    })?;
    let seen = notified(&log);
    ensure!(seen == ids, "notified were the payments {seen:?}, not {ids:?}");
    log.lines().filter(|line| !notified(line).is_empty()).for_each(|line| println!("{line}"));
    Ok(())
}

const PAYMENT: &str = r#"{"userId":"u001","amount":49.99,"method":"paypal"}"#;
