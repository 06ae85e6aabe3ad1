using System.Globalization;
using Metering.Service.Tenants;
using NodaTime;
using NodaTime.Text;

namespace Metering.Service.Focus;

/// <summary>A tenant as an export shows it.</summary>
internal sealed class FocusAccount
{
    private readonly DateTimeZone _zone;
    private readonly Dictionary<string, (long Start, long End)> _days = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (byte[] Id, byte[] Name)> _projects = new(StringComparer.Ordinal);

    public FocusAccount(string id, string name, DateTimeZone zone, BillingPeriod period)
    {
        (Tenant, Id, Name, _zone) = (id, FocusCsv.Field("urn:metering:account:" + id), FocusCsv.Field(name), zone);
        (Start, End) = period.Bounds(zone);
    }

    public string Tenant { get; }

    public byte[] Id { get; }

    public byte[] Name { get; }

    /// <summary>The period in the tenant's zone, Unix seconds, end exclusive.</summary>
    public long Start { get; }

    public long End { get; }

    public (long Start, long End) BoundsOf(BillingPeriod period) => period.Bounds(_zone);

    /// <summary>Bounds of a day such as <c>2026-10-31</c> in the tenant's zone.</summary>
    public (long Start, long End) Day(string text)
    {
        if (_days.TryGetValue(text, out var known)) return known;
        var date = LocalDatePattern.Iso.Parse(text).GetValueOrThrow();
        return _days[text] = (TenantCalendar.StartOf(date, _zone), TenantCalendar.StartOf(date.PlusDays(1), _zone));
    }

    public (byte[] Id, byte[] Name) Project(string project)
    {
        if (project.Length == 0) return ([], []);
        if (_projects.TryGetValue(project, out var known)) return known;
        return _projects[project] = (FocusCsv.Field(string.Create(CultureInfo.InvariantCulture, $"urn:metering:account:{Tenant}:project:{project}")), FocusCsv.Field(project));
    }
}
