//! What is mapped into the program: the files of its code, their unwind tables and their symbols.

use framehop::{ExplicitModuleSectionInfo, Module};
use object::{Object, ObjectSection, ObjectSegment, ObjectSymbol};
use std::ops::Range;

/// Files larger than this are not read.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// A mapping of code.
pub(crate) struct Mapping {
    pub(crate) range: Range<u64>,
    /// Where it begins in the file.
    pub(crate) offset: u64,
    pub(crate) path: String,
    /// Hexadecimal; empty if the file has none.
    pub(crate) build_id: String,
    /// What is added to the addresses of the file.
    bias: u64,
    unwind: Option<ExplicitModuleSectionInfo<Vec<u8>>>,
    symbols: Vec<Symbol>,
}

/// A function.
struct Symbol {
    range: Range<u64>,
    name: String,
}

/// Everything that is mapped.
#[derive(Default)]
pub(crate) struct Modules(Vec<Mapping>);

impl Modules {
    /// Reads what is mapped and the files behind it. Blocks.
    pub(crate) fn read() -> Self {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
        Self(maps.lines().filter_map(Mapping::of).map(Mapping::read).collect())
    }

    /// The unwind tables, which are given once.
    pub(crate) fn take_unwind_data(&mut self) -> impl Iterator<Item = Module<Vec<u8>>> + '_ {
        self.0.iter_mut().filter_map(|mapping| {
            let sections = mapping.unwind.take()?;
            Some(Module::new(mapping.path.clone(), mapping.range.clone(), mapping.bias, sections))
        })
    }

    /// The mappings, for their places in the list.
    pub(crate) fn mappings(&self) -> &[Mapping] {
        &self.0
    }

    /// The place of the mapping that an address lies in.
    pub(crate) fn mapping(&self, address: u64) -> Option<usize> {
        self.0.iter().position(|mapping| mapping.range.contains(&address))
    }

    /// The function that an address lies in.
    pub(crate) fn function(&self, address: u64) -> Option<&str> {
        let mapping = self.0.get(self.mapping(address)?)?;
        let address = address.wrapping_sub(mapping.bias);
        let after = mapping.symbols.partition_point(|symbol| symbol.range.start <= address);
        let symbol = mapping.symbols.get(after.checked_sub(1)?)?;
        symbol.range.contains(&address).then_some(symbol.name.as_str())
    }
}

impl Mapping {
    /// The mapping of a line of `/proc/self/maps`, if it is one of code.
    fn of(line: &str) -> Option<Self> {
        let mut fields = line.splitn(6, ' ');
        let (range, permissions, offset) = (fields.next()?, fields.next()?, fields.next()?);
        let path = fields.nth(2).unwrap_or_default().trim_start();
        let (start, end) = range.split_once('-')?;
        let number = |text| u64::from_str_radix(text, 16).ok();
        (permissions.contains('x') && !path.is_empty()).then_some(())?;
        Some(Self {
            range: number(start)?..number(end)?,
            offset: number(offset)?,
            path: path.to_owned(),
            build_id: String::new(),
            bias: 0,
            unwind: None,
            symbols: Vec::new(),
        })
    }

    /// The same with what its file tells.
    fn read(mut self) -> Self {
        // Removed or replaced, the program's own file is still there for itself.
        let own = std::fs::read_link("/proc/self/exe").is_ok_and(|own| own.to_string_lossy() == self.path);
        let path = if own { "/proc/self/exe" } else { self.path.as_str() };
        let small = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() <= FILE_BYTES_MAX);
        if let Some(bytes) = small.then(|| std::fs::read(path).ok()).flatten() {
            self.take(&bytes);
        }
        self
    }

    fn take(&mut self, bytes: &[u8]) {
        let Ok(file) = object::File::parse(bytes) else { return };
        // The mapping begins at a page, the segment need not: what is before it in the page belongs to another one.
        let is_code = |flags| matches!(flags, object::SegmentFlags::Elf { p_flags, .. } if p_flags.contains(object::elf::PF_X));
        let segment = file.segments().find(|segment| {
            let (offset, size) = segment.file_range();
            is_code(segment.flags())
                && offset < self.offset.saturating_add(self.range.end - self.range.start)
                && self.offset < offset.saturating_add(size)
        });
        let Some(segment) = segment else { return };
        let address = segment.address().wrapping_sub(segment.file_range().0).wrapping_add(self.offset);
        self.bias = self.range.start.wrapping_sub(address);
        let range = |name: &str| file.section_by_name(name).map(|section| section.address()..section.address() + section.size());
        let data = |name: &str| file.section_by_name(name).and_then(|section| section.data().ok().map(<[u8]>::to_vec));
        self.unwind = Some(ExplicitModuleSectionInfo {
            base_svma: 0,
            text_svma: range(".text"),
            got_svma: range(".got"),
            eh_frame_svma: range(".eh_frame"),
            eh_frame: data(".eh_frame"),
            eh_frame_hdr_svma: range(".eh_frame_hdr"),
            eh_frame_hdr: data(".eh_frame_hdr"),
            ..Default::default()
        });
        let id = file.build_id().ok().flatten().unwrap_or_default();
        self.build_id = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let symbols = file.symbols().chain(file.dynamic_symbols());
        self.symbols = symbols
            .filter(|symbol| symbol.is_definition() && symbol.kind() == object::SymbolKind::Text && symbol.size() > 0)
            .filter_map(|symbol| {
                let range = symbol.address()..symbol.address() + symbol.size();
                Some(Symbol { range, name: format!("{:#}", rustc_demangle::demangle(symbol.name().ok()?)) })
            })
            .collect();
        self.symbols.sort_by_key(|symbol| symbol.range.start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_own_functions_are_known_by_name() {
        let modules = Modules::read();
        let address = Modules::read as *const () as usize as u64;
        assert_eq!(modules.function(address), Some("warren_extension_pprof::modules::Modules::read"));
        assert_eq!(modules.function(1), None);
    }
}
