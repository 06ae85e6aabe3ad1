using System.Globalization;
using System.Runtime.InteropServices;
using Metering.Service.Rating;
using NodaTime;

namespace Metering.Service.Billing;

/// <summary>What many charges share, each kept once: a month has a million of them in memory.</summary>
internal sealed class ChargeTexts
{
    private readonly Dictionary<LocalDate, string> _days = [];
    private readonly Dictionary<string, string> _texts = new(StringComparer.Ordinal);
    private readonly Dictionary<ChargeHeading, ChargeHeading> _headings = [];
    private readonly Dictionary<(string Tenant, Tenants.BillingPeriod Period, PriceLine Line, int Tier, ContractTerms? Terms), ChargeHeading> _ofRows = [];

    public string Of(LocalDate day) => _days.TryGetValue(day, out var known) ? known : _days[day] = day.ToString("uuuu-MM-dd", CultureInfo.InvariantCulture);

    public string Of(string text) => _texts.TryGetValue(text, out var known) ? known : _texts[text] = text;

    public ChargeHeading Of(ChargeHeading heading) => _headings.TryGetValue(heading, out var known) ? known : _headings[heading] = heading;

    public ChargeHeading Of(ChargeRow row)
    {
        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_ofRows, (row.Tenant, row.Period, row.Line, row.Tier, row.Terms), out _);
        return known ??= new ChargeHeading(
            row.Period.ToString(), row.Period.ToString(), row.Tenant, row.Line.Sku, row.Line.Book, row.Line.Version, row.Tier, row.Terms?.FromSeconds, row.Line.Currency, row.Line.ChargeUnit, row.Line.Prices[row.Tier],
            row.Line.Kind switch { ChargeKind.Allocation => "allocation", ChargeKind.ServiceCredit => "serviceCredit", _ => "usage" });
    }
}
