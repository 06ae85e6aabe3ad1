using System.Data.Common;
using Metering.Service.Billing;
using Metering.Service.Rating;

namespace Metering.Service.Focus;

/// <summary>
/// Which days of which tenants can be told hour by hour: those whose charges come out again, to the last digit, when the usage that is stored now is rated. Usage that came late, or labels that changed since,
/// make others; their rows stay days, as they were billed. Each day is one sum of hashes over its charges, so that memory does not grow with them.
/// </summary>
internal sealed class FocusDays(FocusPeriod period)
{
    private readonly Dictionary<(string Tenant, string Day), ulong> _sums = [];
    private readonly Dictionary<(string Tenant, long Start), bool> _known = [];

    /// <summary>True when the rows of the charge are written hour by hour.</summary>
    public bool Has(ChargeEntry charge) => IsHourly(charge) && _sums.GetValueOrDefault((charge.Tenant, charge.Day), 1UL) == 0;

    /// <summary>The same for usage that is rated in the tenant's day.</summary>
    public bool Has(TenantRater rater)
    {
        var key = (rater.Tenant, rater.Day.Start);
        if (_known.TryGetValue(key, out var known)) return known;
        return _known[key] = _sums.GetValueOrDefault((rater.Tenant, Day(rater.Day.Date)), 1UL) == 0;
    }

    public void Count(ChargeEntry charge)
    {
        if (IsHourly(charge)) Add(charge, 1);
    }

    /// <summary>Rates the period and takes off what it gives: what was counted before is what remains.</summary>
    public async Task RateAsync(Rater rater, long from, long to, CancellationToken cancel)
    {
        var texts = new ChargeTexts();
        var book = new ChargeBook(rater, period.Prices, row =>
        {
            if (row.Workload != 0 && row.Period == period.Request.Period) Add(ChargeEntry.Of(row, texts), -1);
        });
        await UsageStream.ReadAsync(period.View.Connection, from, to, (tenant, bucket, workload, values, known) =>
        {
            if (!period.Prices.Tenants.ContainsKey(tenant) || (period.Request.Tenant is not null && period.Request.Tenant != tenant)) return;
            var account = period.AccountOf(tenant);
            if (bucket >= account.Start && bucket < account.End) book.Add(tenant, bucket, period.Grain.LengthAt(bucket), workload, values, known);
        }, cancel);
        book.Finish([]);
    }

    internal static string Day(NodaTime.LocalDate date) => date.ToString("uuuu-MM-dd", System.Globalization.CultureInfo.InvariantCulture);

    private bool IsHourly(ChargeEntry charge) => charge.Workload != 0 && charge.Kind == "usage" && charge.Origin == period.Id && charge.Cause.Length == 0;

    private void Add(ChargeEntry charge, int sign)
    {
        var hash = unchecked((ulong)HashCode.Combine(charge.Key, charge.Nano, charge.Base, charge.Used, charge.Reserved) * 0x9E37_79B9_7F4A_7C15UL ^ (ulong)HashCode.Combine(charge.Nano, charge.Workload, charge.Sku, charge.Tier, 17));
        var key = (charge.Tenant, charge.Day);
        _sums[key] = unchecked(sign > 0 ? _sums.GetValueOrDefault(key) + hash : _sums.GetValueOrDefault(key) - hash);
    }
}
