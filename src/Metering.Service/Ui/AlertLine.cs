using System.Globalization;
using System.Text.Json;
using Metering.Service.Alerts;

namespace Metering.Service.Ui;

/// <summary>One alert in the table.</summary>
internal sealed record AlertLine(CurrentAlert Alert)
{
    public string State => Alert.State;

    public string Severity => Alert.Severity;

    public string Tenant => Alert.Tenant ?? Figures.Unknown;

    public string Name => Text("quota") is { Length: > 0 } quota ? quota : $"{Text("type")} {Isolated.Name(Alert.Subject)}";

    /// <summary>The figure; of an alert of ours, what it says.</summary>
    public string What => Text("summary") is { Length: > 0 } summary ? summary : QuotaText.Meter(Text("meter"), Text("kind"));

    public string Threshold => Number("threshold") is { } threshold ? threshold.ToString("#,##0.####", CultureInfo.InvariantCulture) + (Text("thresholdIn") == "percent" ? " %" : "") : Figures.Unknown;

    public string Value => QuotaText.Amount(Number("value"), Text("meter"), Text("kind"), Number("limit"));

    public string Limit => QuotaText.Amount(Number("limit"), Text("meter"), Text("kind"));

    public string Exact => Number("value") is { } value ? string.Create(CultureInfo.InvariantCulture, $"{value} of {Number("limit")}") : "";

    public DateTimeOffset Since => Alert.Since;

    public string Silence => Alert.Silence ?? "";

    private string Text(string name) => Alert.Data.TryGetProperty(name, out var value) ? value.ToString() : "";

    private decimal? Number(string name) => Alert.Data.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDecimal(out var number) ? number : null;
}
