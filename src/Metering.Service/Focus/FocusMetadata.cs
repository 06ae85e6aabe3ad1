using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Metering.Service.Ledger;

namespace Metering.Service.Focus;

/// <summary>The metadata that goes with every export: who made it, the columns as they are written, how recent it is, how corrections are shown and files are delivered.</summary>
internal static class FocusMetadata
{
    private static readonly JsonSerializerOptions Json = new(LedgerJson.Options) { PropertyNamingPolicy = null, DictionaryKeyPolicy = null, WriteIndented = true };

    public static string Version { get; } = typeof(FocusMetadata).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";

    /// <param name="request">Its columns are described as those of its dataset; other datasets have all of theirs.</param>
    public static string Write(FocusRequest request, bool isClosed, DateTimeOffset updated, IReadOnlyList<(long Start, long End)> sectors)
    {
        var datasets = FocusDataset.Of(request.Profile);
        return JsonSerializer.Serialize(new
        {
            DataGenerator = new { DataGenerator = "Metering" },
            Schema = datasets.Select(dataset => Schema(dataset, request.Profile, dataset == request.Dataset ? request.Columns : [.. dataset.Columns.Where(column => column.IsIn(request.Profile))], updated)),
            DatasetInstance = datasets.Select(dataset => new { DatasetInstanceId = Instance(dataset), DatasetInstanceName = dataset.Name, FocusDatasetId = dataset.Id }),
            Recency = datasets.Select(dataset => new
            {
                DatasetInstanceId = Instance(dataset),
                DatasetInstanceComplete = isClosed,
                DatasetInstanceLastUpdated = Time(updated),
                TimeSectors = sectors.Select(sector => new { TimeSectorComplete = isClosed, TimeSectorStart = Time(sector.Start), TimeSectorEnd = Time(sector.End), TimeSectorLastUpdated = Time(updated) }),
            }),
            DatasetConfiguration = new
            {
                Granularity = request.Grain == FocusGrain.Hour ? "Hourly" : "Daily",
                Granularities = (string[])["Hourly", "Daily"],
                Columns = "selectable",
                Notes = "Days whose usage came or changed after the closing keep the granularity of a day. Prices per month accrue by the day.",
            },
            CorrectionHandling = new
            {
                Style = "Delta",
                Notes = "A closed period never changes. What comes late is in a later period as rows of ChargeClass Correction, with the ChargePeriod of what is corrected and an invoice of its own. An invoice that is voided is taken back whole, and what is issued in its place comes with all of its rows (Ledger).",
            },
            DeliveryHandling = new { Style = "Overwrite", Scope = "BillingPeriod", Notes = "An export of a period replaces all earlier exports of it; that of a closed period is final, but for InvoiceIssueStatus of an invoice that is voided later." },
            InvoiceDetails = "One entry for each line of an invoice, with the discounts on it and less what a commitment covers of it; entries of 0 are left out. Rows of Cost and Usage name theirs by InvoiceId and InvoiceDetailId, and add up to it exactly: what rounding adds is a row with x_RoundingResidue.",
            Allocation = "Where a contract shares the cost of hosts, AllocatedMethodId names the part of it: by CPU time or memory used, idle, overhead, shared; the resource is the host. Rows without a resource are shares of the tenant as a whole.",
        }, Json);
    }

    private static object Schema(FocusDataset dataset, FocusProfile profile, IReadOnlyList<FocusColumn> columns, DateTimeOffset updated) => new
    {
        SchemaId = SchemaId(dataset, profile, columns),
        CreationDate = Time(updated),
        FocusVersion = profile.Version,
        DataGeneratorVersion = Version,
        DatasetInstanceId = Instance(dataset),
        ColumnDefinition = columns.Select(column =>
        {
            var definition = new SortedDictionary<string, object>(StringComparer.Ordinal) { ["ColumnName"] = column.Name, ["DataType"] = column.Type switch { FocusType.Time => "DATETIME", FocusType.Decimal => "DECIMAL", FocusType.Json => "JSON", _ => "STRING" } };
            if (column.Type == FocusType.Decimal) (definition["NumericPrecision"], definition["NumberScale"]) = (FocusColumn.Precision, FocusColumn.Scale);
            if (column.Type is FocusType.Text or FocusType.Json) definition["StringEncoding"] = "UTF-8";
            if (column.Name == "Tags") definition["ProviderTagPrefixes"] = (string[])[FocusResources.TagPrefix];
            return definition;
        }),
    };

    // The same columns have the same id, whoever asks and when.
    private static string SchemaId(FocusDataset dataset, FocusProfile profile, IReadOnlyList<FocusColumn> columns) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{dataset.Id} {profile.Version} {string.Join(',', columns.Select(column => column.Name))}")))[..16];

    private static string Instance(FocusDataset dataset) => "metering-" + dataset.Name;

    private static string Time(long seconds) => Time(DateTimeOffset.FromUnixTimeSeconds(seconds));

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
