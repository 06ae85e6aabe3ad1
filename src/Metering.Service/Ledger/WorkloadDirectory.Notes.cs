using Metering.Service.Ingest;

namespace Metering.Service.Ledger;

// Reserved labels: what an agent says of the availability of meters. The latest stands, of each family and instance; no version, no owner and no identity depends on it.
internal sealed partial class WorkloadDirectory
{
    private const int MaxNotes = 16;

    private readonly List<(Known Known, (byte[] Notes, long At, IReadOnlyDictionary<string, string> Availability) Former)> _undo = [];
    private readonly HashSet<WorkloadEntry> _renoted = [];

    /// <summary>After the unsaved have their ids: every workload whose availability is another than the ledger has, by id.</summary>
    public List<(long Id, string Availability)> ChangedAvailability()
    {
        var changed = new SortedDictionary<long, string>();
        foreach (var entry in _renoted) changed[entry.Id] = AttributeStore.WriteAvailability(entry.Availability);
        foreach (var entry in Unsaved)
        {
            // Another instance, or the same under another name: what its other instances say stands.
            if (_byId.TryGetValue(entry.Id, out var known)) entry.Availability = Overlay(known.Availability, entry.Availability);
            var json = AttributeStore.WriteAvailability(entry.Availability);
            if (json != entry.StoredAvailability) changed[entry.Id] = json;
            else changed.Remove(entry.Id);
        }

        return [.. changed.Select(pair => (pair.Key, pair.Value))];
    }

    private void Annotate(Known known, DecodedBatch batch, in DecodedRecord record)
    {
        var notes = batch.Slice(record.Notes);
        if (notes.SequenceEqual(known.Notes) || batch.WindowEnd < known.NotesAt) return;
        _undo.Add((known, (known.Notes, known.NotesAt, known.Entry.Availability)));
        known.Entry.Availability = Change(known.Entry.Availability, known.Notes, notes);
        (known.Notes, known.NotesAt) = (notes.ToArray(), batch.WindowEnd);
        _renoted.Add(known.Entry);
    }

    private static void Annotate(Pending pending, DecodedBatch batch, in DecodedRecord record)
    {
        var notes = batch.Slice(record.Notes);
        if (notes.SequenceEqual(pending.Notes) || batch.WindowEnd < pending.NotesAt) return;
        pending.Entry.Availability = Change(pending.Entry.Availability, pending.Notes, notes);
        (pending.Notes, pending.NotesAt) = (notes.ToArray(), batch.WindowEnd);
    }

    private void UndoNotes()
    {
        for (var i = _undo.Count - 1; i >= 0; i--)
        {
            var (known, former) = _undo[i];
            (known.Notes, known.NotesAt, known.Entry.Availability) = former;
        }

        _undo.Clear();
    }

    // An instance takes back only what it said itself.
    private static SortedDictionary<string, string> Change(IReadOnlyDictionary<string, string> said, ReadOnlySpan<byte> before, ReadOnlySpan<byte> now)
    {
        var former = BatchDecoder.Notes(before);
        var kept = said.Where(note => !former.ContainsKey(note.Key)).ToDictionary(StringComparer.Ordinal);
        return Overlay(kept, BatchDecoder.Notes(now));
    }

    private static SortedDictionary<string, string> Overlay(IReadOnlyDictionary<string, string> said, IReadOnlyDictionary<string, string> more)
    {
        var notes = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (family, note) in more) notes[family] = note;
        foreach (var (family, note) in said)
        {
            if (notes.Count < MaxNotes) notes.TryAdd(family, note);
        }

        return notes;
    }
}
