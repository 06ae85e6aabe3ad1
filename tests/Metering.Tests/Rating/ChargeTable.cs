using System.Globalization;
using System.Runtime.CompilerServices;
using Metering.Meters;
using Metering.Service.Rating;
using Metering.Service.Tenants;

namespace Metering.Tests.Rating;

/// <summary>Reads <c>charges.txt</c>, whose head explains the lines, and rates its cases.</summary>
internal sealed class ChargeTable
{
    private string _zone = "UTC";
    private readonly List<PriceVersion> _versions = [];
    private readonly List<Price> _prices = [];
    private readonly List<ContractTerms> _terms = [];
    private readonly List<Balance> _credits = [], _prepaid = [];
    private readonly List<string> _workloads = [""];
    private readonly List<(long Bucket, long Workload, Meter Meter, long Quantity)> _usage = [];

    public string Name { get; private init; } = "";

    public List<string> Expected { get; } = [];

    public static IReadOnlyList<ChargeTable> Read([CallerFilePath] string here = "")
    {
        var cases = new List<ChargeTable>();
        foreach (var text in File.ReadAllLines(Path.Combine(Path.GetDirectoryName(here)!, "charges.txt")))
        {
            var line = text.Trim();
            if (line.Length == 0 || line[0] == '#') continue;
            var (word, rest) = (line.Split(' ')[0], line[(line.IndexOf(' ') + 1)..].Trim());
            if (word == "case") cases.Add(new ChargeTable { Name = rest });
            else cases[^1].Take(word, rest, line);
        }

        return cases;
    }

    /// <summary>What comes out, in the words of the table.</summary>
    public List<string> Run()
    {
        EndVersion();
        var contract = _terms.Count + _credits.Count + _prepaid.Count == 0 ? null : new Contract { Terms = _terms, Credits = _credits, Prepaid = _prepaid };
        var catalogue = Ratings.Catalogue(_zone, contract, [.. _versions]);
        var rows = Ratings.Book(catalogue, _usage);
        var tenant = new Tenant { Id = "t", TimeZone = _zone, Currency = _versions[0].Currency };
        var statement = StatementMaker.Make(tenant, rows[0].Period, rows, contract).Single();
        var found = rows.ConvertAll(row => string.Create(CultureInfo.InvariantCulture,
            $"charge {row.Day:uuuu-MM-dd} {_workloads[(int)row.Workload]} {row.Line.Name} tier {row.Tier + 1}: {Plain(row.Quantity)} x {Plain(row.UnitPrice)} = {row.Cost}"));
        found.AddRange(statement.Lines.Select(line => $"line {line.Kind}: {line.Cost} -> {line.Rounded}" + (line.Tax is { } tax ? $" ({line.Text} on {tax.Base})" : "")));
        found.Add($"total {statement.Total} {statement.Currency}");
        return found;
    }

    private void Take(string word, string rest, string line)
    {
        var parts = rest.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        switch (word)
        {
            case "zone":
                _zone = rest;
                break;
            case "version":
                EndVersion();
                _versions.Add(new PriceVersion { Currency = parts[0], ValidFrom = Bound(parts, "from"), ValidTo = Bound(parts, "to") });
                break;
            case "price":
                _prices.Add(Price(rest));
                break;
            case "terms":
                _terms.Add(Terms(rest));
                break;
            case "credit":
                _credits.Add(new Balance { Id = parts[0], Amount = Number(parts[1]) });
                break;
            case "prepaid":
                _prepaid.Add(new Balance { Id = parts[0], Amount = Number(parts[1]) });
                break;
            case "use":
                if (!_workloads.Contains(parts[1])) _workloads.Add(parts[1]);
                MeterCatalogue.TryFind(parts[2], out var meter);
                var unit = PricingUnit.For(meter).First(one => one.Name == parts[4]);
                _usage.Add((At(parts[0]).ToUnixTimeSeconds(), _workloads.IndexOf(parts[1]), meter, (long)(Number(parts[3]) * unit.BaseUnits)));
                break;
            default:
                Expected.Add(line);
                break;
        }
    }

    private static Price Price(string text)
    {
        string? basis = null;
        if (text.Split(" by ", 2) is [var before, var by]) (text, basis) = (before, by);
        var parts = text.Split(' ', 3);
        if (parts[0] == "flat") return new Price { Model = "flat", Unit = parts[1], Amount = Number(parts[2]) };
        var price = new Price { Meter = parts[0], Unit = parts[1], Basis = basis };
        var words = parts[2].Split(' ', 2);
        if (words.Length == 1) return price with { Amount = Number(words[0]) };
        price = price with { Model = words[0] };
        if (words[0] == "package") return price with { PackageSize = Number(words[1].Split(' ')[1]), Amount = Number(words[1].Split(' ')[3]) };
        return price with { Tiers = [.. words[1].Split(", ").Select(tier => tier.Split(" to ")).Select(tier => new Tier(tier.Length > 1 ? Number(tier[1]) : null, Number(tier[0])))] };
    }

    private static ContractTerms Terms(string text)
    {
        var terms = new ContractTerms();
        foreach (var part in text.Split(", ").Select(part => part.Split(' ')))
        {
            terms = part[0] switch
            {
                "discount" => terms with { Discount = Number(part[1]) },
                "minimum" => terms with { Minimum = Number(part[1]) },
                "commitment" => terms with { Commitment = Number(part[1]) },
                "tax" => terms with { TaxRate = Number(part[1]), TaxName = part.Length > 2 ? part[2] : null },
                "from" => terms with { ValidFrom = At(part[1]) },
                _ => terms with { ValidTo = At(part[1]) },
            };
        }

        return terms;
    }

    private void EndVersion()
    {
        if (_versions.Count > 0 && _versions[^1].Prices.Count == 0) _versions[^1] = _versions[^1] with { Prices = [.. _prices] };
        _prices.Clear();
    }

    private static DateTimeOffset? Bound(string[] parts, string word) => Array.IndexOf(parts, word) is var at and >= 0 ? At(parts[at + 1]) : null;

    private static DateTimeOffset At(string hour) => DateTimeOffset.Parse(hour + ":00:00Z", CultureInfo.InvariantCulture);

    private static decimal Number(string text) => decimal.Parse(text, CultureInfo.InvariantCulture);

    private static string Plain(decimal value) => value.ToString("0.##################", CultureInfo.InvariantCulture);
}
