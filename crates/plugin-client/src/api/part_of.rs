//! Types that hold a part of an object of the API: the rest of it is skipped while an answer is parsed.

/// Makes a type usable as another one's part in requests: `part_of!(Usage, Pod, metadata)` lists and watches pods, and keeps a `Usage`
/// of each, whose metadata is in the field that is named.
#[macro_export]
macro_rules! part_of {
    ($part:ty, $whole:ty, $($metadata:tt).+) => {
        impl ::kube::Resource for $part {
            type DynamicType = ();
            type Scope = <$whole as ::kube::Resource>::Scope;

            fn kind((): &()) -> ::std::borrow::Cow<'_, str> {
                <$whole as ::kube::Resource>::kind(&())
            }

            fn group((): &()) -> ::std::borrow::Cow<'_, str> {
                <$whole as ::kube::Resource>::group(&())
            }

            fn version((): &()) -> ::std::borrow::Cow<'_, str> {
                <$whole as ::kube::Resource>::version(&())
            }

            fn plural((): &()) -> ::std::borrow::Cow<'_, str> {
                <$whole as ::kube::Resource>::plural(&())
            }

            fn meta(&self) -> &::kube::core::ObjectMeta {
                &self.$($metadata).+
            }

            fn meta_mut(&mut self) -> &mut ::kube::core::ObjectMeta {
                &mut self.$($metadata).+
            }
        }
    };
}
