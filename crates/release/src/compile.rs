//! Builds the plugins as they are shipped: for one platform, without a path of this machine in them.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::platform::{PLATFORMS, Platform};
use crate::plugins::{PLUGINS, Plugin};

/// Between flags in CARGO_ENCODED_RUSTFLAGS.
const SEPARATOR: &str = "\x1f";

/// What stands for the workspace's directory in programs and bills of materials.
pub const SOURCE: &str = "/source";

/// Read by the linker, which runs in the root of the workspace.
const SCRIPT: &str = "crates/release/no-unwind-tables.ld";

/// Builds every plugin; the answer is the directory with the programs. What they depend on comes from Cargo.lock.
pub fn compile(root: &Path, platform: Platform, plugins: &[&Plugin]) -> Result<PathBuf> {
    let mut cargo = cargo();
    cargo.args(["build", "--locked", "--profile", "dist", "--bins", "--target", platform.target]);
    for plugin in plugins {
        cargo.args(["--package", &plugin.package()]);
    }
    cargo.current_dir(root).env("CARGO_ENCODED_RUSTFLAGS", flags(root, platform)?.join(SEPARATOR));
    if let Some(compiler) = c_compiler(platform) {
        cargo.env(format!("CC_{}", platform.target.replace('-', "_")), compiler);
    }
    let status = cargo.status().context("cannot run cargo")?;
    if !status.success() {
        bail!("the build for {platform} failed");
    }
    let target_dir = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(root.join(target_dir).join(platform.target).join("dist"))
}

/// The same for this machine.
pub fn compile_for_here() -> Result<PathBuf> {
    let here = PLATFORMS.iter().copied().find(|platform| runs_here(*platform));
    let here = here.context("no plugin is shipped for this machine")?;
    if let Some(why) = obstacle(here) {
        bail!("the build for {here} {why}");
    }
    compile(&env::current_dir()?, here, &PLUGINS.iter().collect::<Vec<_>>())
}

/// The one that runs this, if one does.
pub fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Why it cannot be built here, if so.
pub fn obstacle(platform: Platform) -> Option<String> {
    let needed = match platform.os {
        "darwin" => ("macos", "the macOS SDK"),
        "windows" => ("windows", "the linker of Visual Studio"),
        _ => ("linux", "Linux"),
    };
    if env::consts::OS != needed.0 {
        return Some(format!("needs {}", needed.1));
    }
    let has_std = stdout("rustc", &["--print", "target-libdir", "--target", platform.target])
        .is_ok_and(|dir| Path::new(dir.trim()).is_dir());
    if !has_std {
        return Some(format!("needs: rustup target add {}", platform.target));
    }
    match c_compiler(platform) {
        Some(compiler) if stdout(compiler, &["--version"]).is_err() => {
            Some(format!("needs the C compiler {compiler}, for ring"))
        }
        _ => None,
    }
}

/// The C compiler for ring, which needs no C library. Elsewhere the one that cc finds is right.
fn c_compiler(platform: Platform) -> Option<&'static str> {
    match (platform.os, platform.arch) {
        ("linux", arch) if arch == arch_here() => Some("gcc"),
        ("linux", "amd64") => Some("x86_64-linux-gnu-gcc"),
        ("linux", _) => Some("aarch64-linux-gnu-gcc"),
        _ => None,
    }
}

fn arch_here() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" }
}

/// Its programs run on this machine.
pub fn runs_here(platform: Platform) -> bool {
    let os = if platform.os == "darwin" { "macos" } else { platform.os };
    os == env::consts::OS && platform.arch == arch_here()
}

fn flags(root: &Path, platform: Platform) -> Result<Vec<String>> {
    // Panics end the program (see the profile); a backtrace would be without names anyway.
    let mut flags = vec!["-Cforce-unwind-tables=no".to_owned()];
    if platform.os == "linux" {
        // Rust's own linker and C library: no cross linker is needed, and every machine links alike. `icf` merges functions whose code is
        // the same, of which the API's types have many.
        flags.push("-Clinker=rust-lld".to_owned());
        for arg in ["--icf=all", "--pack-dyn-relocs=relr", "--no-eh-frame-hdr", SCRIPT] {
            flags.push(format!("-Clink-arg={arg}"));
        }
    }
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = env::home_dir().map(|home| home.join(".cargo"));
    let sysroot = PathBuf::from(stdout("rustc", &["--print", "sysroot"])?.trim());
    let paths = [(Some(root.to_owned()), SOURCE), (cargo_home.or(home), "/cargo"), (Some(sysroot), "/rust")];
    for (path, name) in paths {
        if let Some(path) = path {
            flags.push(format!("--remap-path-prefix={}={name}", path.display()));
        }
    }
    Ok(flags)
}

fn stdout(program: &str, args: &[&str]) -> Result<String> {
    let output =
        Command::new(program).args(args).output().with_context(|| format!("cannot run {program}"))?;
    if !output.status.success() {
        bail!("{program} {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_built_here_is_named_with_the_reason() {
        let reasons: Vec<String> = PLATFORMS.iter().filter_map(|it| obstacle(*it)).collect();
        assert!(reasons.iter().all(|reason| reason.starts_with("needs")), "{reasons:?}");
        // No system can build for both of these.
        assert!(reasons.len() >= 2, "{reasons:?}");
    }

    #[test]
    fn no_path_of_this_machine_is_left() {
        let root = Path::new("/somewhere/kubectl-plugins");
        let flags = flags(root, PLATFORMS[0]).unwrap();
        let remapped: Vec<_> =
            flags.iter().filter(|flag| flag.starts_with("--remap-path-prefix=/")).collect();
        assert_eq!(remapped.len(), 3, "{flags:?}");
        assert!(flags.contains(&"--remap-path-prefix=/somewhere/kubectl-plugins=/source".to_owned()));
    }
}
