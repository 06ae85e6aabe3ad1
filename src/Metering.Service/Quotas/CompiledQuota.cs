using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Tenants;
using Metering.Units;
using DateTimeZone = NodaTime.DateTimeZone;

namespace Metering.Service.Quotas;

/// <summary>A quota as it is evaluated. Immutable.</summary>
internal sealed class CompiledQuota
{
    private const long DefaultShort = 3600, DefaultLong = 6 * 3600;

    private sealed record Window(long Start, long End);

    private readonly OwnershipRule? _workload;
    private Window? _window;

    public CompiledQuota(int index, string id, Quota document, decimal limit, DateTimeZone zone)
    {
        (Index, Id, Document, Limit, Zone) = (index, id, document, limit, zone);
        if (MeterCatalogue.TryFind(document.Meter, out var meter)) Meter = meter;
        Rolling = TryRolling(document.Window, out var rolling) ? rolling : 0;
        Slots = document.Kind switch { "rate" or "starved" => QuotaSlots.Minutes, "forecast" => QuotaSlots.Buckets, _ => Rolling > 0 ? QuotaSlots.Buckets : QuotaSlots.Windows };
        Thresholds = [.. document.Thresholds.Select(percent => QuotaThreshold.Percent(percent, limit)).Concat(document.Amounts.Select(QuotaThreshold.Absolute)).OrderBy(threshold => threshold.Amount)];
        BaseAmounts = Meter is { } counted ? [.. Thresholds.Select(threshold => (Int128)decimal.Ceiling(threshold.Amount * counted.Scale))] : [];
        Grace = Seconds(document.Grace, 0);
        Hold = Seconds(document.For, 0) + Grace;
        (ShortBurn, LongBurn) = (Seconds(document.ShortBurn, DefaultShort), Seconds(document.LongBurn, DefaultLong));
        if (document.Subject.Workload is { } match) _workload = new OwnershipRule { Match = match, Tenant = "" };
        Measured = Hash(JsonSerializer.Serialize(new { document.Subject, document.Kind, document.Meter, document.Window, document.LongBurn, document.Direction }, LedgerJson.Options));
    }

    /// <summary>Place in the catalogue, by id.</summary>
    public int Index { get; }

    public string Id { get; }

    public Quota Document { get; }

    public decimal Limit { get; }

    public DateTimeZone Zone { get; }

    public QuotaSlots Slots { get; }

    /// <summary>Ascending by amount.</summary>
    public IReadOnlyList<QuotaThreshold> Thresholds { get; }

    /// <summary>The amounts of the thresholds in base units, rounded up: what is used reaches the one when it reaches the other. Empty for costs.</summary>
    public IReadOnlyList<Int128> BaseAmounts { get; }

    /// <summary>Null for <c>cost</c> and <c>starved</c>.</summary>
    public Meter? Meter { get; }

    /// <summary>Length of a rolling window, seconds; 0: the window is one of the calendar.</summary>
    public long Rolling { get; }

    /// <summary>How long it must hold and is tolerated, seconds.</summary>
    public long Hold { get; }

    public long Grace { get; }

    public long ShortBurn { get; }

    public long LongBurn { get; }

    public bool IsCost => Document.Meter == "cost";

    public bool IsStarved => Document.Kind == "starved";

    public bool IsPeak => Meter is { Kind: MeterKind.Peak };

    public bool IsBelow => Document.Direction == "below";

    /// <summary>Decided as usage arrives: a calendar window can only be reached from below.</summary>
    public bool IsImmediate => Slots == QuotaSlots.Windows && !IsBelow;

    /// <summary>Names and labels decide who counts: they may be learnt after the usage.</summary>
    public bool AsksAttributes => Document.Subject.Workload is { } workload && (workload.Name is not null || workload.Label is { Count: > 0 } || workload.User is not null);

    /// <summary>Hash of what is measured: with another one, figures and states begin anew.</summary>
    public string Measured { get; }

    public bool IsPausedAt(long seconds) => Document.Paused || (Document.PausedUntil is { } until && seconds < until.ToUnixTimeSeconds());

    /// <summary>Whether a workload counts, with the owner and the attributes that it had.</summary>
    public bool Counts(WorkloadEntry workload, OwnedInterval owner, AttributeVersion version)
    {
        var subject = Document.Subject;
        return (subject.Tenant is null || subject.Tenant == owner.Tenant) && (subject.Project is null || subject.Project == owner.Project) && (subject.Host is null || subject.Host == workload.Host) &&
            (_workload is null || _workload.Matches(workload.Host, workload.Kind, version.Name, workload.Path, version.Labels));
    }

    /// <summary>The calendar window that holds the instant, Unix seconds.</summary>
    public (long Start, long End) WindowOf(long seconds)
    {
        // The calendar of a zone is dear, and asked for with every group.
        if (_window is { } known && seconds >= known.Start && seconds < known.End) return (known.Start, known.End);
        var (start, end) = QuotaWindow.Of(Rolling > 0 ? "month" : Document.Window, seconds, Zone);
        _window = new Window(start, end);
        return (start, end);
    }

    /// <summary>Reads <c>rolling 24h</c>: whole hours, from one to 31 days.</summary>
    public static bool TryRolling(string window, out long seconds)
    {
        seconds = 0;
        if (!window.StartsWith("rolling ", StringComparison.Ordinal) || !Duration.TryParse(window[8..], out var span)) return false;
        if (span < TimeSpan.FromHours(1) || span > TimeSpan.FromDays(31) || span.Ticks % TimeSpan.TicksPerHour != 0) return false;
        seconds = (long)span.TotalSeconds;
        return true;
    }

    private static long Seconds(string? text, long otherwise) => Duration.TryParse(text, out var span) ? (long)span.TotalSeconds : otherwise;

    internal static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..32];
}
