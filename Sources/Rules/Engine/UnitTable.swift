// Which readings have to be converted for a rule whose limits have a unit.
internal import EventModel

/// Finds the conversion for the bytes of a unit as an event has it, without a string for each reading; with
/// more spellings than `RuleLimits.unitSpellingsMax`, those that came last cost one. One owner.
struct UnitTable {
    enum Answer {
        /// The value as it stands.
        case same
        case convert(UnitConversion)
        /// They measure different things.
        case foreign
    }

    private struct Entry {
        let from: [UInt8]
        let to: String
        let conversion: UnitConversion?
    }

    private var entries: [Entry] = []

    /// A reading without a unit is taken to be in the rule's.
    mutating func answer(from unit: UnsafeRawBufferPointer, to wanted: String) -> Answer {
        guard !unit.isEmpty, !wanted.utf8.elementsEqual(unit) else { return .same }
        for entry in entries where entry.to == wanted && entry.from.elementsEqual(unit) {
            return entry.conversion.map { .convert($0) } ?? .foreign
        }
        let conversion = UnitConversion(from: String(decoding: unit, as: UTF8.self), to: wanted)
        if entries.count < RuleLimits.unitSpellingsMax {
            entries.append(Entry(from: Array(unit), to: wanted, conversion: conversion))
        }
        return conversion.map { .convert($0) } ?? .foreign
    }
}
