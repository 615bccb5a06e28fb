//! No file imports a file that imports it, directly or through others: then each can be read, and moved, by itself. What `use` says, outside
//! of tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, UseTree};

type Module = Vec<String>;

/// Each module of a crate, with the paths that it uses, from the crate's root on.
#[derive(Default)]
struct Imports(BTreeMap<Module, Vec<Module>>);

impl Imports {
    fn of(crate_root: &Path) -> Self {
        let root = ["lib.rs", "main.rs"].map(|name| crate_root.join("src").join(name));
        let root = root.iter().find(|file| file.is_file()).unwrap();
        let mut imports = Imports::default();
        imports.read(root, &crate_root.join("src"), Vec::new());
        imports
    }

    /// `below`: the folder of its submodules.
    fn read(&mut self, file: &Path, below: &Path, module: Module) {
        let text =
            std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let items = syn::parse_file(&text).unwrap().items;
        let mut used = Vec::new();
        for item in &items {
            match item {
                Item::Use(item) if !for_tests(&item.attrs) => paths(&item.tree, Vec::new(), &mut used),
                Item::Mod(item) if item.content.is_none() && !for_tests(&item.attrs) => {
                    let name = item.ident.to_string();
                    let inside = below.join(&name);
                    let files: [PathBuf; 2] = [below.join(format!("{name}.rs")), inside.join("mod.rs")];
                    let file = files.iter().find(|file| file.is_file()).unwrap();
                    self.read(file, &inside, [module.clone(), vec![name]].concat());
                }
                _ => {}
            }
        }
        self.0.insert(module, used);
    }

    fn edges(&self, module: &Module) -> BTreeSet<&Module> {
        let used = self.0[module].iter().filter_map(|path| self.resolve(module, path));
        // The root only gathers what a crate offers.
        used.filter(|other| *other != module && !other.is_empty()).collect()
    }

    /// The file that defines what `path` names, as written in `module`.
    fn resolve(&self, module: &Module, path: &Module) -> Option<&Module> {
        let supers = path.iter().take_while(|part| *part == "super").count();
        let mut full = match path.first().map(String::as_str)? {
            "crate" => path[1..].to_vec(),
            "self" => [&module[..], &path[1..]].concat(),
            "super" => [&module[..module.len() - supers], &path[supers..]].concat(),
            // A submodule, or else another crate.
            first => {
                let child = [module.clone(), vec![first.to_owned()]].concat();
                self.0.get(&child)?;
                [&module[..], &path[..]].concat()
            }
        };
        loop {
            if let Some((module, _)) = self.0.get_key_value(&full) {
                return Some(module);
            }
            full.pop()?;
        }
    }

    fn circle(&self) -> Option<Vec<String>> {
        let mut done = BTreeSet::new();
        self.0.keys().find_map(|module| self.walk(module, &mut Vec::new(), &mut done))
    }

    fn walk<'a>(
        &'a self,
        module: &'a Module,
        way: &mut Vec<&'a Module>,
        done: &mut BTreeSet<&'a Module>,
    ) -> Option<Vec<String>> {
        if let Some(begin) = way.iter().position(|earlier| *earlier == module) {
            let circle = way[begin..].iter().chain([&module]);
            return Some(circle.map(|module| format!("crate::{}", module.join("::"))).collect());
        }
        if !done.insert(module) {
            return None;
        }
        way.push(module);
        let found = self.edges(module).into_iter().find_map(|next| self.walk(next, way, done));
        way.pop();
        found
    }
}

fn for_tests(attributes: &[Attribute]) -> bool {
    let mut conditions = attributes.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    conditions.any(|cfg| cfg.meta.require_list().is_ok_and(|list| list.tokens.to_string().contains("test")))
}

fn paths(tree: &UseTree, before: Module, all: &mut Vec<Module>) {
    let with = |name: String| [before.clone(), vec![name]].concat();
    match tree {
        UseTree::Path(path) => paths(&path.tree, with(path.ident.to_string()), all),
        UseTree::Name(name) => all.push(with(name.ident.to_string())),
        UseTree::Rename(name) => all.push(with(name.ident.to_string())),
        UseTree::Glob(_) => all.push(before),
        UseTree::Group(group) => group.items.iter().for_each(|tree| paths(tree, before.clone(), all)),
    }
}

#[test]
fn no_crate_has_an_import_circle() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("crates");
    for folder in std::fs::read_dir(crates).unwrap() {
        let folder = folder.unwrap().path();
        let imports = Imports::of(&folder);
        assert!(imports.0.len() > 10, "{} was read", folder.display());
        assert_eq!(imports.circle(), None, "{}", folder.display());
    }
}

#[test]
fn a_circle_is_found() {
    let module = |name: &str| vec![name.to_owned()];
    let uses = |path: &str| vec![path.split("::").map(str::to_owned).collect()];
    let mut imports = Imports::default();
    imports.0.insert(Vec::new(), Vec::new());
    imports.0.insert(module("a"), uses("crate::b::B"));
    imports.0.insert(module("b"), uses("super::c"));
    imports.0.insert(module("c"), uses("std::fmt"));
    assert_eq!(imports.circle(), None);
    imports.0.insert(module("c"), uses("super::a::A"));
    assert_eq!(imports.circle().unwrap().join(" "), "crate::a crate::b crate::c crate::a");
}
