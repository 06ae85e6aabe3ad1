using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Metering.Service.Rating;

namespace Metering.Service.Billing;

/// <summary>A charge as it is stored with a closed period: one per workload, meter, tier and day of the tenant. Cost = quantity × unit price, exactly.</summary>
/// <param name="Heading">What it has in common with others, one object for all of them.</param>
/// <param name="Workload">The ledger's id; 0: the tenant itself.</param>
/// <param name="Nano">In 10⁻⁹ of the unit.</param>
/// <param name="Base">What was counted, in the meter's base units.</param>
/// <param name="From">First bucket, Unix seconds.</param>
/// <param name="To">End of the last bucket.</param>
internal sealed record ChargeEntry(ChargeHeading Heading, string Day, long Workload, Int128 Nano, Int128 Base, long From, long To)
{
    /// <summary>What is charged once: a correction has the key of what it corrects.</summary>
    internal readonly record struct Identity(string Tenant, string Day, long Workload, string Sku, string Book, int Version, int Tier, long? TermsFrom, string Currency, long Price);

    // Few are by reservation: one reference instead of two wide numbers.
    private Terms? _terms;

    private sealed record Terms(Int128? Used, Int128? Reserved);

    /// <summary>Its number in the period, from 1; 0 until it is given one.</summary>
    public long N { get; set; }

    public string Period
    {
        get => Heading.Period;
        init => Heading = Heading with { Period = value };
    }

    /// <summary>The period in which it was used; another than the period on corrections.</summary>
    public string Origin => Heading.Origin;

    public string Tenant => Heading.Tenant;

    public string Sku => Heading.Sku;

    public string Book => Heading.Book;

    public int Version => Heading.Version;

    public int Tier => Heading.Tier;

    /// <summary>Which terms of the contract it falls under, by their beginning (Unix seconds, 0: from the beginning of time); null: none.</summary>
    public long? TermsFrom => Heading.TermsFrom;

    public string Currency => Heading.Currency;

    public string Unit => Heading.Unit;

    /// <summary>In 10⁻¹⁰ of the currency.</summary>
    public long Price => Heading.Price;

    /// <summary><c>usage</c>, or <c>allocation</c>: a share of what hosts cost, in the currency at a price of 1, or <c>serviceCredit</c>: a negative quantity of Core-Hours.</summary>
    public string Kind => Heading.Kind;

    /// <summary>Empty: made by closing the period; <c>void 000017</c> or <c>reissue 000017</c>. With period, origin, tenant and currency it names the document.</summary>
    public string Cause
    {
        get => Heading.Cause;
        init => Heading = Heading with { Cause = value };
    }

    /// <summary>Both terms of a basis by reservation; null: unknown, or the price is not by reservation.</summary>
    public Int128? Used
    {
        get => _terms?.Used;
        init => _terms = value is null && Reserved is null ? null : new Terms(value, Reserved);
    }

    /// <inheritdoc cref="Used"/>
    public Int128? Reserved
    {
        get => _terms?.Reserved;
        init => _terms = value is null && Used is null ? null : new Terms(Used, value);
    }

    public string Id => string.Create(CultureInfo.InvariantCulture, $"{Period}-{N}");

    public Identity Key => new(Tenant, Day, Workload, Sku, Book, Version, Tier, TermsFrom, Currency, Price);

    public decimal Quantity => ChargeRow.Exactly(Nano);

    public decimal UnitPrice => (decimal)Price / PriceLine.PriceScale;

    public Amount Cost => Amount.Of(Nano, Price);

    /// <summary>The line that the manifest's hash of all charges is over.</summary>
    public string Canonical
    {
        get
        {
            var line = new byte[1024];
            int length;
            while (!TryWriteCanonical(line, out length)) line = new byte[line.Length * 2];
            return Encoding.UTF8.GetString(line, 0, length);
        }
    }

    /// <summary>Writes it in UTF-8; false: there is no room for it.</summary>
    public bool TryWriteCanonical(Span<byte> line, out int length) => Utf8.TryWrite(line, CultureInfo.InvariantCulture,
        $"{N}\t{Origin}\t{Tenant}\t{Day}\t{Workload}\t{Sku}\t{Book}\t{Version}\t{Tier}\t{TermsFrom}\t{Currency}\t{Unit}\t{Price}\t{Nano}\t{Base}\t{Used}\t{Reserved}\t{From}\t{To}\t{Kind}\t{Cause}\n", out length);

    public static ChargeEntry Of(ChargeRow row, ChargeTexts texts) => new(texts.Of(row), texts.Of(row.Day), row.Workload, row.Nano, row.Base, row.From, row.To) { Used = row.Used, Reserved = row.Reserved };
}
