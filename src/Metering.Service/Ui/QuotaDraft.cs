using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Service.Quotas;

namespace Metering.Service.Ui;

/// <summary>A quota that is being written: texts as they stand in the form, and what the form does not show.</summary>
internal sealed class QuotaDraft
{
    // Everything of the quota that the form has no field for.
    private JsonObject _rest = [];

    public string Id { get; set; } = "";

    /// <summary>Of the quota that the form was filled with; empty: it is new.</summary>
    public string Tag { get; private init; } = "";

    public string? Tenant { get; set; }

    public string? Project { get; set; }

    public string Meter { get; set; } = "cpuSeconds";

    public string Window { get; set; } = "month";

    public string Limit { get; set; } = "";

    public string Thresholds { get; set; } = "80, 100";

    public string Severity { get; set; } = "warning";

    public string? Notify { get; set; }

    public static QuotaDraft Of(QuotaView quota, string tag)
    {
        var rest = JsonSerializer.SerializeToNode(quota, PageApi.Json)!.AsObject();

        // What is told about a quota is no part of it.
        foreach (var told in new[] { "id", "effectiveLimit", "state", "value", "percent", "fired", "windowStart", "windowEnd", "forecast", "predictedAt", "holds" }) rest.Remove(told);
        return new QuotaDraft
        {
            _rest = rest,
            Tag = tag,
            Id = quota.Id,
            Tenant = quota.Subject.Tenant,
            Project = quota.Subject.Project,
            Meter = quota.Meter,
            Window = quota.Window,
            Limit = quota.Limit?.ToString(CultureInfo.InvariantCulture) ?? "",
            Thresholds = string.Join(", ", quota.Thresholds.Select(one => one.ToString(CultureInfo.InvariantCulture))),
            Severity = quota.Severity,
            Notify = string.Join(", ", quota.Notify),
        };
    }

    /// <summary>The unit that the limit is written in: a meter's by the API; empty for costs, which are in the currency of their tenant.</summary>
    public string Unit => _rest["kind"]?.GetValue<string>() == "starved" ? "percent" : (Measure.Find(Meter)?.Meter?.Unit ?? "") + (IsRate ? " a second" : "");

    private bool IsRate => _rest["kind"]?.GetValue<string>() == "rate" && Meter != Measure.Cost.Name;

    /// <summary>The limit as the table will show it, for who thinks in core-hours and GiB; null: it is no number yet, or in no other unit.</summary>
    public string? Readable => NumberText.Read(Limit, "", "", out _) is > 0 and var limit && Measure.Find(Meter)?.Meter is not null && QuotaText.Amount(limit, Meter, _rest["kind"]?.GetValue<string>() ?? "usage") is var said && !said.EndsWith(" " + Unit, StringComparison.Ordinal) ? said : null;

    /// <summary>The document for <c>PUT /v1/quotas/{id}</c>; null with the fault when a text is no number.</summary>
    public JsonObject? Read(out string fault)
    {
        if (NumberText.Read(Limit, "limit", "3600 or 0.5", out fault) is not { } limit) return null;

        var thresholds = new JsonArray();
        foreach (var text in Split(Thresholds))
        {
            if (!decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var threshold))
            {
                fault = $"The threshold '{text}' is no number; write percents with commas between them, such as 80, 100.";
                return null;
            }

            thresholds.Add(threshold);
        }

        var document = _rest.DeepClone().AsObject();
        var subject = document["subject"]?.DeepClone().AsObject() ?? [];
        Set(subject, "tenant", Tenant);
        Set(subject, "project", Project);
        if (subject.All(pair => pair.Value is null)) subject["fleet"] = true;
        else if (subject.Count(pair => pair.Value is not null) > 1) subject.Remove("fleet");
        (document["subject"], document["meter"], document["window"], document["limit"]) = (subject, Meter, Window, limit);
        (document["thresholds"], document["severity"]) = (thresholds, Severity);
        document["notify"] = new JsonArray([.. Split(Notify).Select(id => (JsonNode)id)]);
        return document;
    }

    private static string[] Split(string? text) => (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static void Set(JsonObject subject, string name, string? value)
    {
        if (string.IsNullOrWhiteSpace(value)) subject.Remove(name);
        else subject[name] = value.Trim();
    }
}
