using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Meters;
using Metering.Service.Rating;

namespace Metering.Service.Ui;

/// <summary>A version of a price book that is being written: texts as they stand in the form.</summary>
internal sealed class PriceDraft
{
    public string Book { get; set; } = "standard";

    public string Currency { get; set; } = "EUR";

    /// <summary>As a browser writes it, UTC: <c>2026-11-01T00:00</c>; empty: from the beginning of time.</summary>
    public string? ValidFrom { get; set; }

    public List<Line> Lines { get; } = [];

    /// <summary>One price.</summary>
    internal sealed class Line
    {
        public string Meter { get; set; } = "cpuSeconds";

        public string Unit { get; set; } = "Core-Hours";

        public string Model { get; set; } = "per-unit";

        /// <summary>The price; of a model with tiers <c>10: 0.333, 0.2</c>, each up to a quantity, the last without an end.</summary>
        public string Price { get; set; } = "";

        public string PackageSize { get; set; } = "";

        public string Basis { get; set; } = "usage";

        /// <summary>What the form has no field for.</summary>
        public PriceSelector? Selector { get; init; }

        public bool HasTiers => Model is "graduated" or "volume";

        public IReadOnlyList<string> Units => Model == "flat" ? [.. PricingUnit.Flat.Select(unit => unit.Name)] : MeterCatalogue.TryFind(Meter, out var meter) ? [.. PricingUnit.For(meter).Select(unit => unit.Name)] : [];

        public void Fit()
        {
            if (!Units.Contains(Unit)) Unit = Units.Count > 0 ? Units[0] : "";
        }
    }

    public static PriceDraft Of(string book, PriceVersion version)
    {
        var draft = new PriceDraft { Book = book, Currency = version.Currency };
        foreach (var price in version.Prices)
        {
            draft.Lines.Add(new Line
            {
                Meter = price.Meter,
                Unit = price.Unit,
                Model = price.ModelOrNull switch { PriceModel.Graduated => "graduated", PriceModel.Volume => "volume", PriceModel.Package => "package", PriceModel.Flat => "flat", _ => "per-unit" },
                Price = price.Tiers is { Count: > 0 } tiers ? string.Join(", ", tiers.Select(tier => tier.UpTo is { } to ? $"{Text(to)}: {Text(tier.Price)}" : Text(tier.Price))) : Text(price.Amount),
                PackageSize = Text(price.PackageSize),
                Basis = price.Basis ?? "usage",
                Selector = price.Selector,
            });
        }

        return draft;
    }

    /// <summary>The document for the API; null with the fault when a text is no number.</summary>
    public JsonObject? Read(bool isDated, out string fault)
    {
        fault = "";
        var prices = new JsonArray();
        foreach (var line in Lines)
        {
            var price = new JsonObject { ["unit"] = line.Unit, ["model"] = line.Model };
            if (line.Model != "flat") price["meter"] = line.Meter;
            if (line.Basis != "usage" && line.Model != "flat") price["basis"] = line.Basis;
            if (line.Selector is not null) price["selector"] = JsonSerializer.SerializeToNode(line.Selector, Ledger.LedgerJson.Options);
            if (line.HasTiers)
            {
                if (Tiers(line.Price) is not { } tiers)
                {
                    fault = $"'{line.Price}' are no tiers; write them as 10: 0.333, 0.2 – up to ten units at 0.333, the rest at 0.2.";
                    return null;
                }

                price["tiers"] = tiers;
            }
            else if (NumberText.Read(line.Price, "price", "0.05", out fault) is { } amount)
            {
                price["price"] = amount;
            }
            else
            {
                return null;
            }

            if (line.Model == "package") price["packageSize"] = Number(line.PackageSize) ?? 0;
            prices.Add(price);
        }

        var document = new JsonObject { ["currency"] = Currency.Trim(), ["prices"] = prices };
        if (isDated && !string.IsNullOrWhiteSpace(ValidFrom)) document["validFrom"] = ValidFrom + (ValidFrom.Length == 16 ? ":00Z" : "Z");
        return document;
    }

    private static JsonArray? Tiers(string text)
    {
        var tiers = new JsonArray();
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            var pair = part.Split(':', StringSplitOptions.TrimEntries);
            if (pair.Length > 2 || Number(pair[^1]) is not { } price) return null;
            var tier = new JsonObject { ["price"] = price };
            if (pair.Length == 2)
            {
                if (Number(pair[0]) is not { } to) return null;
                tier["upTo"] = to;
            }

            tiers.Add(tier);
        }

        return tiers.Count == 0 ? null : tiers;
    }

    private static decimal? Number(string? text) => decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value) ? value : null;

    private static string Text(decimal? value) => value?.ToString(CultureInfo.InvariantCulture) ?? "";
}
