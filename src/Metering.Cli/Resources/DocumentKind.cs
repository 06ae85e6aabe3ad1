namespace Metering.Cli.Resources;

/// <summary>A kind of configuration: where it lives in the API and how its files look.</summary>
internal sealed record DocumentKind
{
    /// <summary>The command.</summary>
    public required string Noun { get; init; }

    /// <summary>The key at the top of a file, such as <c>tenants</c>.</summary>
    public required string Root { get; init; }

    /// <summary>Fields, as paths: <c>prices[].meter</c>; a <c>.*</c> takes any name. Others are faults.</summary>
    public required IReadOnlySet<string> Fields { get; init; }

    /// <summary>Fields that are texts whatever they look like in YAML.</summary>
    public required IReadOnlySet<string> Texts { get; init; }

    /// <summary>What the service puts where a field is left out, as JSON.</summary>
    public IReadOnlyDictionary<string, string> Defaults { get; init; } = new Dictionary<string, string>();

    /// <summary>The field that names one of them; it is no part of what is sent. Null: all of them are one document.</summary>
    public string? IdField { get; init; } = "id";

    /// <summary>Fields that the service does not show: whether they are what they were only it can tell, and says as <c>changed</c>.</summary>
    public IReadOnlySet<string> Secrets { get; init; } = new HashSet<string>();

    /// <summary>Path in the API by id.</summary>
    public required Func<string, string> PathOf { get; init; }

    /// <summary>Path by which several of them take effect together, by the path of one; null: each is sent by itself.</summary>
    public Func<string, string>? ApplyPathOf { get; init; }

    /// <summary>What was never written is an empty one, and has an <c>ETag</c> too.</summary>
    public bool IsThereAlways { get; init; }

    /// <summary>True where a PUT takes <c>check=true</c>: told what is wrong, the service changes nothing.</summary>
    public bool HasCheck { get; init; }

    public static readonly DocumentKind Tenants = new()
    {
        Noun = "tenants",
        Root = "tenants",
        Fields = Set("id", "name", "timeZone", "currency", "priceBook"),
        Texts = Set("id", "name", "timeZone", "currency", "priceBook"),
        Defaults = new Dictionary<string, string> { ["timeZone"] = "\"UTC\"", ["currency"] = "\"EUR\"", ["priceBook"] = "\"\"" },
        PathOf = id => "v1/tenants/" + Uri.EscapeDataString(id),
        ApplyPathOf = _ => "v1/tenants/apply",
    };

    public static readonly DocumentKind Ownership = new()
    {
        Noun = "ownership",
        Root = "rules",
        Fields = Set("match", "match.path", "match.kind", "match.name", "match.label", "match.label.*", "match.host", "match.user", "tenant", "project", "from", "to"),
        Texts = Set("match.path", "match.kind", "match.name", "match.label.*", "match.host", "match.user", "tenant", "project", "from", "to"),
        IdField = null,
        PathOf = _ => "v1/ownership-rules",
        HasCheck = true,
    };

    public static readonly DocumentKind Prices = new()
    {
        Noun = "prices",
        Root = "versions",
        Fields = Set("version", "currency", "validFrom", "validTo", "prices", "prices[].meter", "prices[].unit", "prices[].model", "prices[].price", "prices[].basis", "prices[].packageSize", "prices[].tiers", "prices[].tiers[].upTo",
            "prices[].tiers[].price", "prices[].selector", "prices[].selector.hostClass", "prices[].selector.region", "prices[].selector.host", "prices[].selector.kind", "prices[].selector.label",
            "prices[].selector.label.*", "prices[].selector.hostLabel", "prices[].selector.hostLabel.*"),
        Texts = Set("version", "currency", "validFrom", "validTo", "prices[].meter", "prices[].unit", "prices[].model", "prices[].basis", "prices[].selector.hostClass", "prices[].selector.region",
            "prices[].selector.host", "prices[].selector.kind", "prices[].selector.label.*", "prices[].selector.hostLabel.*"),
        IdField = "version",
        PathOf = id => "v1/price-books/" + id,
        ApplyPathOf = path => path[..path.IndexOf("/versions/", StringComparison.Ordinal)] + "/apply",
    };

    public static readonly DocumentKind Contracts = new()
    {
        Noun = "contracts",
        Root = "contracts",
        Fields = Set("tenant", "terms", "terms[].validFrom", "terms[].validTo", "terms[].priceBook", "terms[].discount", "terms[].minimum", "terms[].commitment", "terms[].taxRate", "terms[].taxName", "terms[].model", "terms[].serviceCredit", "terms[].serviceCredit.threshold", "terms[].serviceCredit.perCoreHour", "billTo", "billTo.name", "billTo.address", "billTo.taxId", "billTo.reference",
            "credits", "credits[].id", "credits[].amount", "credits[].validFrom", "credits[].validTo", "prepaid", "prepaid[].id", "prepaid[].amount", "prepaid[].validFrom", "prepaid[].validTo"),
        Texts = Set("tenant", "terms[].validFrom", "terms[].validTo", "terms[].priceBook", "terms[].taxName", "terms[].model", "billTo.name", "billTo.address[]", "billTo.taxId", "billTo.reference", "credits[].id", "credits[].validFrom", "credits[].validTo", "prepaid[].id", "prepaid[].validFrom", "prepaid[].validTo"),
        Defaults = new Dictionary<string, string> { ["terms"] = "[]", ["credits"] = "[]", ["prepaid"] = "[]" },
        IdField = "tenant",
        PathOf = id => $"v1/tenants/{Uri.EscapeDataString(id)}/contract",
        ApplyPathOf = _ => "v1/contracts/apply",
        IsThereAlways = true,
    };

    public static readonly DocumentKind Allocation = new()
    {
        Noun = "allocation",
        Root = "versions",
        Fields = Set("validFrom", "validTo", "currency", "basis", "idle", "overheadSplit", "sharedSplit", "shared", "weights", "weights.*", "hosts", "hosts[].match", "hosts[].match.host", "hosts[].match.hostClass", "hosts[].match.region",
            "hosts[].match.hostLabel", "hosts[].match.hostLabel.*", "hosts[].perHour", "hosts[].cpuShare", "hosts[].cores", "hosts[].memoryBytes", "overhead", "overhead[].name", "overhead[].perHour"),
        Texts = Set("validFrom", "validTo", "currency", "basis", "idle", "overheadSplit", "sharedSplit", "shared[]", "hosts[].match.host", "hosts[].match.hostClass", "hosts[].match.region", "hosts[].match.hostLabel.*", "overhead[].name"),
        Defaults = new Dictionary<string, string> { ["hosts"] = "[]", ["overhead"] = "[]", ["shared"] = "[]" },
        IdField = null,
        HasCheck = true,
        PathOf = _ => "v1/allocation",
    };

    public static readonly DocumentKind Quotas = new()
    {
        Noun = "quotas",
        Root = "quotas",
        Fields = Set("id", "subject", "subject.tenant", "subject.project", "subject.host", "subject.fleet", "subject.workload", "subject.workload.path", "subject.workload.kind", "subject.workload.name", "subject.workload.host",
            "subject.workload.user", "subject.workload.label", "subject.workload.label.*", "kind", "meter", "window", "limit", "plan", "thresholds", "amounts", "direction", "hysteresis", "for", "grace", "shortBurn", "longBurn",
            "paused", "pausedUntil", "severity", "labels", "labels.*", "notify", "enforce", "enforce.action", "enforce.value", "enforce.scaled", "enforce.at", "enforce.dryRun"),
        Texts = Set("id", "subject.tenant", "subject.project", "subject.host", "subject.workload.path", "subject.workload.kind", "subject.workload.name", "subject.workload.host", "subject.workload.user", "subject.workload.label.*",
            "kind", "meter", "window", "plan", "direction", "for", "grace", "shortBurn", "longBurn", "pausedUntil", "severity", "labels.*", "notify[]", "enforce.action"),
        Defaults = new Dictionary<string, string>
        {
            ["kind"] = "\"usage\"", ["meter"] = "\"\"", ["window"] = "\"month\"", ["thresholds"] = "[100]", ["amounts"] = "[]", ["direction"] = "\"above\"", ["hysteresis"] = "0", ["paused"] = "false", ["severity"] = "\"warning\"",
            ["labels"] = "{}", ["notify"] = "[]",
        },
        PathOf = id => "v1/quotas/" + Uri.EscapeDataString(id),
        ApplyPathOf = _ => "v1/quotas/apply",
    };

    public static readonly DocumentKind Plans = new()
    {
        Noun = "plans",
        Root = "plans",
        Fields = Set("id", "limits", "limits.*"),
        Texts = Set("id"),
        PathOf = id => "v1/quota-plans/" + Uri.EscapeDataString(id),
        ApplyPathOf = _ => "v1/quota-plans/apply",
    };

    public static readonly DocumentKind Webhooks = new()
    {
        Noun = "webhooks",
        Root = "webhooks",
        Fields = Set("id", "channel", "url", "secret", "token", "user", "password", "routingKey", "server", "security", "from", "to", "file", "route", "route.tenant", "route.severity", "route.label", "route.label.*",
            "groupBy", "groupWait", "repeat", "sendResolved", "ordered", "title", "text"),
        Texts = Set("id", "channel", "url", "secret", "token", "user", "password", "routingKey", "server", "security", "from", "to[]", "file", "route.tenant[]", "route.severity[]", "route.label.*", "groupBy[]", "groupWait", "repeat", "title", "text"),
        Defaults = new Dictionary<string, string> { ["channel"] = "\"webhook\"", ["sendResolved"] = "true", ["ordered"] = "true" },
        Secrets = Set("url", "secret", "token", "password", "routingKey"),
        PathOf = id => "v1/webhooks/" + Uri.EscapeDataString(id),
        ApplyPathOf = _ => "v1/webhooks/apply",
    };

    public static readonly DocumentKind Reports = new()
    {
        Noun = "reports",
        Root = "reports",
        Fields = Set("id", "report", "from", "to", "step", "groupBy", "filter", "with", "tenant", "timeZone", "format", "every", "at", "weekday", "day", "directory", "webhook"),
        Texts = Set("id", "report", "from", "to", "step", "groupBy", "filter[]", "with", "tenant", "timeZone", "format", "every", "at", "weekday", "directory", "webhook"),
        PathOf = id => "v1/reports/" + Uri.EscapeDataString(id),
        ApplyPathOf = _ => "v1/reports/apply",
    };

    private static HashSet<string> Set(params string[] names) => new(names, StringComparer.Ordinal);
}
