namespace Metering.Service.Rating;

/// <summary>
/// The cumulative quantity of one SKU in one period, and how it cuts into tiers. Rows give differences of two cumulatives that are rounded half to even to 9 places, so that any split of a
/// period gives the same total. State: one owner, rows in the order of time.
/// </summary>
internal sealed class Cumulative
{
    private readonly long _numerator;
    private readonly long _denominator;
    private Int128 _whole;
    private long _rest;
    private PriceLine? _line;
    private Int128 _lineFrom;
    private int _tier;

    /// <param name="baseUnits">Base units in a pricing unit.</param>
    public Cumulative(long baseUnits)
    {
        var common = Gcd(PriceLine.NanoScale, baseUnits);
        (_numerator, _denominator) = (PriceLine.NanoScale / common, baseUnits / common);
    }

    /// <summary>In 10⁻⁹ pricing units.</summary>
    public Int128 Nano { get; private set; }

    /// <summary>Where it stands: all that decides what the next row adds. Empty while nothing was counted.</summary>
    public string State => _line is null ? "" : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{_whole}\t{_rest}\t{_line.Book}/{_line.Version}\t{_lineFrom}");

    /// <summary>Counts usage that is charged elsewhere: what lies before the range of a report. In the order of the versions that price it.</summary>
    public void Skip(PriceLine line, Int128 quantity)
    {
        Enter(line);
        Count(quantity);
    }

    /// <summary>Counts a quantity and appends what it adds to each tier; nothing used appends a charge of nothing.</summary>
    public void Add(PriceLine line, long quantity, List<Charge> charges)
    {
        if (!ReferenceEquals(line, _line)) Enter(line);
        var before = Nano;
        Count(quantity);
        Cut(line, before, quantity, charges);
    }

    /// <summary>The same for a sum, which may pass 64 bits; its charges do not tell what was counted.</summary>
    public void AddSum(PriceLine line, Int128 quantity, List<Charge> charges)
    {
        Enter(line);
        var before = Nano;
        Count(quantity);
        Cut(line, before, 0, charges);
    }

    private void Cut(PriceLine line, Int128 before, long quantity, List<Charge> charges)
    {
        var after = Nano;
        switch (line.Model)
        {
            case PriceModel.Graduated:
                Graduated(line, before, after, quantity, charges);
                break;
            case PriceModel.Volume:
                Volume(line, before, after, quantity, charges);
                break;
            case PriceModel.Package:
                charges.Add(new Charge(line, 0, checked((Blocks(after, line.Block) - Blocks(before, line.Block)) * PriceLine.NanoScale), quantity));
                break;
            default:
                charges.Add(new Charge(line, 0, after - before, quantity));
                break;
        }
    }

    private void Graduated(PriceLine line, Int128 before, Int128 after, long quantity, List<Charge> charges)
    {
        var bounds = line.Bounds;
        while (_tier < bounds.Length - 1 && before >= bounds[_tier]) _tier++;
        while (after > bounds[_tier])
        {
            charges.Add(new Charge(line, _tier, bounds[_tier] - before, quantity));
            (before, quantity) = (bounds[_tier], 0);
            _tier++;
        }

        charges.Add(new Charge(line, _tier, after - before, quantity));
    }

    // Reaching a tier prices anew what this version has priced so far: the old tier gives it up, the new one takes it over, and each row stays quantity × price.
    private void Volume(PriceLine line, Int128 before, Int128 after, long quantity, List<Charge> charges)
    {
        var bounds = line.Bounds;
        var from = TierOf(bounds, before, _tier);
        _tier = TierOf(bounds, after, from);
        if (_tier != from && before != _lineFrom)
        {
            charges.Add(new Charge(line, from, _lineFrom - before, 0));
            before = _lineFrom;
        }

        charges.Add(new Charge(line, _tier, after - before, quantity));
    }

    private static int TierOf(Int128[] bounds, Int128 at, int tier)
    {
        while (at > bounds[tier]) tier++;
        return tier;
    }

    private static Int128 Blocks(Int128 nano, Int128 block) => (nano + block - 1) / block;

    private void Enter(PriceLine line)
    {
        if (ReferenceEquals(line, _line)) return;
        (_line, _lineFrom, _tier) = (line, Nano, 0);
    }

    // Whole and rest are the exact quotient, so that only what is new is divided.
    private void Count(long quantity)
    {
        if (_numerator == 1 || (ulong)quantity <= (ulong.MaxValue >> 1) / (ulong)_numerator)
        {
            var product = (UInt128)((ulong)quantity * (ulong)_numerator) + (ulong)_rest;
            if (product <= ulong.MaxValue)
            {
                var (quotient, rest) = Math.DivRem((ulong)product, (ulong)_denominator);
                Settle(quotient, (long)rest);
                return;
            }
        }

        Count((Int128)quantity);
    }

    private void Count(Int128 quantity)
    {
        Safety.Invariant.Holds(quantity >= 0);
        var (quotient, rest) = Int128.DivRem(checked(quantity * _numerator + _rest), _denominator);
        Settle(quotient, (long)rest);
    }

    private void Settle(Int128 quotient, long rest)
    {
        _whole = checked(_whole + quotient);
        _rest = rest;
        var half = _denominator - rest;
        Nano = rest > half || (rest == half && Int128.IsOddInteger(_whole)) ? _whole + 1 : _whole;
    }

    private static long Gcd(long a, long b)
    {
        while (b != 0) (a, b) = (b, a % b);
        return a;
    }
}
