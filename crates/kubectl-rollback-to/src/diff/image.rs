//! Image references: what of two of them differs, and what the server makes of a missing pull policy.

/// `repository[:tag][@digest]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference<'a> {
    pub repository: &'a str,
    pub tag: Option<&'a str>,
    pub digest: Option<&'a str>,
}

impl<'a> Reference<'a> {
    pub fn parse(image: &'a str) -> Self {
        let (rest, digest) = match image.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (image, None),
        };
        // A colon before a slash belongs to the registry's port.
        match rest.rsplit_once(':') {
            Some((repository, tag)) if !tag.contains('/') => Reference { repository, tag: Some(tag), digest },
            _ => Reference { repository: rest, tag: None, digest },
        }
    }

    /// What is behind the repository, as far as it must be told: `1.5`, `1.5@sha256:0a1b2c3d4e5f`.
    fn version(&self, digits: usize) -> String {
        let digest = self.digest.map(|d| match d.split_once(':') {
            Some((algorithm, hex)) => format!("{algorithm}:{}", hex.get(..digits).unwrap_or(hex)),
            None => d.to_owned(),
        });
        match (self.tag, digest) {
            (Some(tag), Some(digest)) => format!("{tag}@{digest}"),
            (Some(tag), None) => tag.to_owned(),
            (None, Some(digest)) => format!("@{digest}"),
            (None, None) => "latest".to_owned(),
        }
    }
}

/// The two in as few words as tell them apart: versions alone when the repository is the same.
pub fn delta(from: &str, to: &str) -> (String, String) {
    let (a, b) = (Reference::parse(from), Reference::parse(to));
    if a.repository != b.repository {
        return (from.to_owned(), to.to_owned());
    }
    let short = (a.version(12), b.version(12));
    if short.0 != short.1 {
        return short;
    }
    let long = (a.version(usize::MAX), b.version(usize::MAX));
    // `shop` and `shop:latest` are told apart by how they are written only.
    if long.0 != long.1 { long } else { (from.to_owned(), to.to_owned()) }
}

/// `Always` for latest, else `IfNotPresent` (`pkg/apis/core/v1/defaults.go`, SetDefaults_Container; parsers.ParseImageName).
pub fn default_pull_policy(image: &str) -> &'static str {
    let reference = Reference::parse(image);
    match (reference.tag, reference.digest) {
        (Some("latest"), _) | (None, None) => "Always",
        _ => "IfNotPresent",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_difference_between_two_images() {
        let sha = |n: &str| format!("shop@sha256:{n}");
        let (a, b) = ("0123456789abcdef00", "0123456789abcdef11");
        for (from, to, told) in [
            ("shop:1.5", "shop:1.4", ("1.5", "1.4")),
            ("r.io:5000/shop:1.5", "r.io:5000/shop:1.4", ("1.5", "1.4")),
            ("r.io:5000/shop", "r.io:5000/shop:1.4", ("latest", "1.4")),
            ("shop", "shop:latest", ("shop", "shop:latest")),
            ("shop:1.5", "other:1.5", ("shop:1.5", "other:1.5")),
            ("shop:1.5@sha256:aa", "shop:1.5", ("1.5@sha256:aa", "1.5")),
            (&sha(a), &sha("ffffffffffffffffff"), ("@sha256:0123456789ab", "@sha256:ffffffffffff")),
            (&sha(a), &sha(b), ("@sha256:0123456789abcdef00", "@sha256:0123456789abcdef11")),
        ] {
            let (x, y) = delta(from, to);
            assert_eq!((x.as_str(), y.as_str()), told, "{from} {to}");
        }
    }

    #[test]
    fn the_pull_policy_that_the_server_fills_in() {
        for (image, policy) in [
            ("shop:1.5", "IfNotPresent"),
            ("shop:latest", "Always"),
            ("shop", "Always"),
            ("r.io:5000/shop", "Always"),
            ("shop@sha256:aa", "IfNotPresent"),
            ("shop:latest@sha256:aa", "Always"),
        ] {
            assert_eq!(default_pull_policy(image), policy, "{image}");
        }
    }
}
