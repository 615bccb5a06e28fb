//! A plugin in small, for the tests that need a terminal: asks, draws or prints as its argument names. `cargo run --example terminal -- ask`

use std::process::ExitCode;

use plugin_client::{
    CommandLine, Completion, ConnectionFlags, Exit, Failure, Line, Output, Ui, connect, start,
};

/// Lines: more than a pipe holds.
const MANY: usize = 20_000;

#[derive(clap::Parser)]
#[command(name = "kubectl-terminal", bin_name = "kubectl terminal", version)]
struct Args {
    #[arg(value_parser = ["ask", "plan", "type", "pick", "events", "interrupted", "wait", "handle", "flood", "flood-out", "flood-late", "version", "data", "misused"])]
    deed: String,
    #[arg(short, long, default_value = "text")]
    output: Output,
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    connection: ConnectionFlags,
}

impl Completion for Args {}

impl CommandLine for Args {
    const REPORT: (&'static str, &'static str) = ("TestReport", "things");

    fn connection(&self) -> &ConnectionFlags {
        &self.connection
    }

    fn quiet(&self) -> bool {
        self.quiet
    }
}

fn main() -> ExitCode {
    start(|args: Args, ui| async move { act(&args, &ui).await })
}

async fn act(args: &Args, ui: &Ui) -> Result<Exit, Failure> {
    match args.deed.as_str() {
        "ask" => answer(ui, ui.confirm("drain node a?")?),
        "plan" => {
            ui.plan(&Line::from("the plan"), true);
            ui.plan(&Line::from("nobody is asked about this"), false);
            answer(ui, ui.confirm("drain node a?")?)
        }
        "type" => answer(ui, ui.confirm_typed("data will be lost.", "a")?),
        "pick" => {
            if ui.can_prompt() {
                ui.status(&Line::from("a line that was there before"));
            }
            let row = |n: usize| {
                Line::new().good(format!("row {n}")).plain(" of hostile\u{1b}]52;c;x\u{7} text, ".repeat(9))
            };
            let picked =
                ui.select("back to which?", &[row(0), row(1), row(2)], 1, "name it with --to-revision")?;
            ui.data(&picked.map_or("picked none".into(), |index| Line::from(format!("picked {index}"))));
            Ok(Exit::Done)
        }
        "events" => {
            let live = ui.live();
            for done in 1..=3 {
                let event = Line::new().good("evicted").plain(format!(" pod {done}"));
                ui.status(&event);
                if let Some(live) = &live {
                    live.show(done, 3, &Line::from("draining"), &[Line::from("one line")]);
                }
            }
            Ok(Exit::Done)
        }
        // As a run that is interrupted while it draws.
        "interrupted" => {
            let interrupted = ui.interrupted();
            let live = ui.live();
            ui.status(&Line::from("a line that was there before"));
            if let Some(live) = &live {
                live.show(1, 3, &Line::from("draining"), &[Line::from("first"), Line::from("second")]);
            }
            interrupted.await;
            drop(live);
            ui.data(&Line::from("report"));
            Ok(Exit::Interrupted)
        }
        "misused" => Err(Failure::usage("used wrongly")),
        "wait" => {
            ui.status(&Line::from("waiting"));
            std::future::pending().await
        }
        "handle" => {
            let interrupted = ui.interrupted();
            ui.status(&Line::from("waiting"));
            interrupted.await;
            ui.status(&Line::from("stopping"));
            std::future::pending().await
        }
        // As a run that prints much, and reports once it is interrupted.
        "flood" => {
            let interrupted = ui.interrupted();
            (0..MANY).for_each(|_| ui.status(&Line::from("one of many lines")));
            interrupted.await;
            ui.data(&Line::from("report"));
            Ok(Exit::Interrupted)
        }
        "flood-out" => {
            let interrupted = ui.interrupted();
            (0..MANY).for_each(|_| ui.data(&Line::from("one of many lines")));
            interrupted.await;
            Ok(Exit::Interrupted)
        }
        // As a run whose deadline passed.
        "flood-late" => {
            (0..MANY).for_each(|_| ui.status(&Line::from("one of many lines")));
            ui.data(&Line::from("report"));
            Ok(Exit::Timeout)
        }
        "version" => {
            let cluster = connect(&args.connection, "kubectl-terminal", ui).await?;
            let version = cluster.client.apiserver_version().await;
            let version = version.map_err(|error| Failure::from_kube("ask for the version", &error))?;
            ui.data(&Line::from(version.git_version));
            Ok(Exit::Done)
        }
        _ => {
            for _ in 0..100_000 {
                ui.data(&Line::from("one of many lines"));
            }
            Ok(Exit::Done)
        }
    }
}

fn answer(ui: &Ui, yes: bool) -> Result<Exit, Failure> {
    ui.data(&Line::from(if yes { "answer: yes" } else { "answer: no" }));
    Ok(if yes { Exit::Done } else { Exit::Refused })
}
