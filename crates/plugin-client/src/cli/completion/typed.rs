//! Which part of a command line is being completed, by the words up to the cursor. Pure.
//!
//! As clap reads them, but lenient: what is unknown or wrong is passed over, for the user is still typing.

use clap::{Arg, ArgAction, Command};

/// A command line up to the cursor.
#[derive(Debug)]
pub(super) struct Typed<'c> {
    pub given: Vec<Given<'c>>,
    /// The positional arguments before the word that is being completed.
    pub words: Vec<String>,
    pub part: Part<'c>,
}

#[derive(Debug)]
pub(super) struct Given<'c> {
    pub flag: &'c Arg,
    pub value: Option<String>,
}

/// What the last word is.
#[derive(Debug)]
pub(super) enum Part<'c> {
    /// A flag, from its dashes on.
    Flag {
        typed: String,
    },
    /// The value of a flag. `kept` is what stands before it in the same word and in each candidate: the letters of `-oyaml`, the first
    /// of `--allow a,b`. Not so `--flag=`, which the shells add again (cobra, bash_completionsV2.go and its like).
    Value {
        flag: &'c Arg,
        kept: String,
        typed: String,
    },
    Positional {
        typed: String,
    },
}

impl<'c> Typed<'c> {
    /// The last of `words` is the one being completed. `command` is built.
    pub fn read(command: &'c Command, words: &[String]) -> Self {
        let (last, before) =
            words.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
        let mut typed =
            Typed { given: Vec::new(), words: Vec::new(), part: Part::Positional { typed: last.to_owned() } };
        let (mut expects, mut only_words) = (None, false);
        for word in before {
            if let Some(flag) = expects.take() {
                typed.given.push(Given { flag, value: Some(word.clone()) });
            } else if only_words || !word.starts_with('-') || word == "-" {
                typed.words.push(word.clone());
            } else if word == "--" {
                only_words = true;
            } else if let Some(name) = word.strip_prefix("--") {
                expects = typed.long(command, name);
            } else {
                let letters = Letters::read(command, &word[1..]);
                typed.given.extend(letters.bare.into_iter().map(|flag| Given { flag, value: None }));
                match letters.with_value {
                    Some((flag, "")) => expects = Some(flag),
                    Some((flag, value)) => {
                        let value = value.strip_prefix('=').unwrap_or(value).to_owned();
                        typed.given.push(Given { flag, value: Some(value) });
                    }
                    None => {}
                }
            }
        }
        if let Some(flag) = expects {
            typed.part = value(flag, "", last);
        } else if !only_words && last.starts_with('-') {
            typed.part = flag_or_value(command, last);
        }
        typed
    }

    /// The flag, if the next word is its value.
    fn long(&mut self, command: &'c Command, name: &str) -> Option<&'c Arg> {
        let (name, value) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name, None),
        };
        let flag = by_long(command, name)?;
        if value.is_none() && takes_next_word(flag) {
            return Some(flag);
        }
        self.given.push(Given { flag, value });
        None
    }

    pub fn is_given(&self, flag: &Arg) -> bool {
        self.given.iter().any(|given| given.flag.get_id() == flag.get_id())
    }

    /// The values of a flag so far, those of lists one by one.
    pub fn values(&self, flag: &Arg) -> Vec<&str> {
        let given = self.given.iter().filter(|given| given.flag.get_id() == flag.get_id());
        let values = given.filter_map(|given| given.value.as_deref());
        match flag.get_value_delimiter() {
            Some(delimiter) => values.flat_map(|value| value.split(delimiter)).collect(),
            None => values.collect(),
        }
    }
}

fn flag_or_value<'c>(command: &'c Command, last: &str) -> Part<'c> {
    let flag = || Part::Flag { typed: last.to_owned() };
    if let Some(name) = last.strip_prefix("--") {
        let named = name.split_once('=').and_then(|(name, value)| Some((by_long(command, name)?, value)));
        let taken = named.filter(|(flag, _)| flag.get_action().takes_values());
        return taken.map_or_else(flag, |(flag, typed)| value(flag, "", typed));
    }
    match Letters::read(command, &last[1..]).with_value {
        None | Some((_, "")) => flag(),
        Some((flag, typed)) => match typed.strip_prefix('=') {
            Some(typed) => value(flag, "", typed),
            None => value(flag, &last[..last.len() - typed.len()], typed),
        },
    }
}

fn value<'c>(flag: &'c Arg, kept: &str, typed: &str) -> Part<'c> {
    let at = flag.get_value_delimiter().and_then(|delimiter| typed.rfind(delimiter));
    let (list, typed) = typed.split_at(at.map_or(0, |at| at + 1));
    Part::Value { flag, kept: format!("{kept}{list}"), typed: typed.to_owned() }
}

/// `-qyojson`: flags without values, and perhaps one with a value, which begins behind its letter.
struct Letters<'c, 'w> {
    bare: Vec<&'c Arg>,
    with_value: Option<(&'c Arg, &'w str)>,
}

impl<'c, 'w> Letters<'c, 'w> {
    fn read(command: &'c Command, letters: &'w str) -> Self {
        let mut bare = Vec::new();
        for (at, letter) in letters.char_indices() {
            let Some(flag) = command.get_arguments().find(|flag| flag.get_short() == Some(letter)) else {
                break;
            };
            if takes_next_word(flag) {
                let rest = &letters[at + letter.len_utf8()..];
                return Letters { bare, with_value: Some((flag, rest)) };
            }
            bare.push(flag);
        }
        Letters { bare, with_value: None }
    }
}

fn by_long<'c>(command: &'c Command, name: &str) -> Option<&'c Arg> {
    command.get_arguments().find(|flag| flag.get_long() == Some(name))
}

/// Unlike `--dry-run`, whose value follows `=` or is left out.
fn takes_next_word(flag: &Arg) -> bool {
    flag.get_action().takes_values() && !flag.is_require_equals_set()
}

/// May be given again.
pub(super) fn is_repeatable(flag: &Arg) -> bool {
    matches!(flag.get_action(), ArgAction::Append | ArgAction::Count)
}

#[cfg(test)]
mod tests {
    use super::super::probe::command;
    use super::*;

    /// The part, the positional words, and the flags with their values.
    fn read(words: &[&str]) -> (String, String, String) {
        let command = command();
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let typed = Typed::read(&command, &words);
        let part = match &typed.part {
            Part::Flag { typed } => format!("flag {typed}"),
            Part::Value { flag, kept, typed } => {
                format!("value of {} {kept}|{typed}", flag.get_long().unwrap())
            }
            Part::Positional { typed } => format!("word {typed}"),
        };
        let given = typed.given.iter().map(|given| {
            let value = given.value.as_ref().map(|value| format!("={value}")).unwrap_or_default();
            format!("{}{value}", given.flag.get_long().unwrap())
        });
        (part, typed.words.join(" "), given.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_is_being_completed() {
        let cases: [(&[&str], &str, &str, &str); 27] = [
            (&[], "word ", "", ""),
            (&["no"], "word no", "", ""),
            (&["a", "b", ""], "word ", "a b", ""),
            (&["-"], "flag -", "", ""),
            (&["--"], "flag --", "", ""),
            (&["a", "--nam"], "flag --nam", "a", ""),
            (&["--no-such=x"], "flag --no-such=x", "", ""),
            // The next word is the value, whatever it looks like, as pflag has it.
            (&["--namespace", ""], "value of namespace |", "", ""),
            (&["--namespace", "--x"], "value of namespace |--x", "", ""),
            (&["--namespace=te"], "value of namespace |te", "", ""),
            (&["-n", "te"], "value of namespace |te", "", ""),
            (&["-nte"], "value of namespace -n|te", "", ""),
            (&["-n=te"], "value of namespace |te", "", ""),
            (&["-n"], "flag -n", "", ""),
            (&["-yn", "te"], "value of namespace |te", "", "yes"),
            (&["-ynte"], "value of namespace -yn|te", "", ""),
            (&["-ynte", "-n=x", "-y", ""], "word ", "", "yes namespace=te namespace=x yes"),
            // Flags without a value, or with one after `=` only, leave the next word alone.
            (&["--yes", "a"], "word a", "", "yes"),
            (&["--dry-run", "a"], "word a", "", "dry-run"),
            (&["--dry-run=se"], "value of dry-run |se", "", ""),
            (
                &["--dry-run=server", "--insecure-skip-tls-verify", "a"],
                "word a",
                "",
                "dry-run=server insecure-skip-tls-verify",
            ),
            (&["--yes=x"], "flag --yes=x", "", ""),
            // Lists.
            (&["--allow", "a,b,c"], "value of allow a,b,|c", "", ""),
            (&["--allow=a,"], "value of allow a,|", "", ""),
            (&["--allow", "a,b", "--context=c", ""], "word ", "", "allow=a,b context=c"),
            // After `--` there are only words.
            (&["--", "a", "-n", "--x"], "word --x", "a -n", ""),
            (&["--unknown", "a", "-Z", "-3", ""], "word ", "a", ""),
        ];
        for (words, part, before, given) in cases {
            assert_eq!(read(words), (part.to_owned(), before.to_owned(), given.to_owned()), "{words:?}");
        }
    }

    #[test]
    fn the_values_so_far() {
        let command = command();
        let words = ["--allow", "a,b", "--allow=c", ""].map(str::to_owned);
        let typed = Typed::read(&command, &words);
        let flag = by_long(&command, "allow").unwrap();
        assert_eq!(typed.values(flag), ["a", "b", "c"]);
        assert!(typed.is_given(flag) && !typed.is_given(by_long(&command, "yes").unwrap()));
    }
}
