using System.Globalization;
using Metering.Safety;
using Metering.Units;

namespace Metering.Configuration;

/// <summary>
/// Typed reading of configuration with names, ranges and remedies. Every fault ends as a <see cref="UserErrorException"/> with exit code 2;
/// a key below one of our sections that nobody knows is a fault too, so that a misspelt bound never goes unnoticed.
/// </summary>
public sealed class Settings(IReadOnlyDictionary<string, string?> values)
{
    /// <summary>All keys, as <c>Section:Key</c>, with what each means; the README's table is held against this list.</summary>
    public static readonly IReadOnlyDictionary<string, string> Known = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        ["Broker:Url"] = "amqp://user:password@host:5672/vhost; the agent's user is its host id",
        ["Broker:QueueMaxBytes"] = "bound of the ledger's queue in bytes, 1 MiB or more; default 10 GiB",
        ["Ledger:ConnectionString"] = "'Data Source=FILE' for SQLite, 'Host=…' for PostgreSQL; default DATA/ledger.db",
        ["Ledger:Grain"] = "length of a bucket: 1h or 15min; default 1h",
        ["Ledger:MaxNewWorkloads"] = "workloads that may be new of one host in one bucket, 1 to 10000000; default 100000",
        ["Retention:Batches"] = "how long the bytes of batches of closed periods are kept, 2d to 36500d; default 400d",
        ["Retention:OpenBatches"] = "the same while their period is not closed, never less than Retention:Batches; default 800d",
        ["Reports:Directory"] = "scheduled reports are delivered to directories below this; default DATA/reports",
        ["Reports:Keep"] = "how long what a scheduled report has made can be fetched, 1d to 3650d; default 90d",
        ["Agent:Transport"] = "inProcess, http or rabbitmq",
        ["Agent:HostId"] = "1 to 64 letters, digits, '-' or '_'; default the machine id",
        ["Agent:ServiceUrl"] = "URL of the service, for transport http",
        ["Agent:Key"] = "API key of role agent, for transport http",
        ["Agent:MetricsUrl"] = "where an agent process serves /metrics without a key, or none; default http://127.0.0.1:9469, this host only",
        ["Agent:Interval"] = "time between passes, 100ms to 15min, a whole fraction of 15min; default 10s",
        ["Agent:CgroupRoot"] = "where the cgroup2 tree is mounted; default from /proc/self/mountinfo",
        ["Agent:MaxWorkloadsPerParent"] = "names per parent cgroup and bucket, 1 to 1000000; default 10000",
        ["Agent:RulesFile"] = "YAML file of rules for cgroup paths that stand before the built-in ones",
        ["Agent:Labels"] = "comma list of labels taken over from runtimes, with '*'; default in docs/metering.md",
        ["Journal:MaxBytes"] = "bound of the journal in bytes, 1 MiB to 1 TiB; default 1 GiB",
        ["Journal:Keep"] = "how long committed batches are kept, 0s to 365d; default 48h",
        ["Enforcement:Actions"] = "what the service may do to workloads of this host: a comma list of cpu.max, memory.high, io.max, cgroup.freeze; default nothing",
        ["Enforcement:PublicKey"] = "whose orders the agent takes: what 'metering enforcement key' prints, while the key is rotated two of them with ',' between; not needed by up",
        ["Enforcement:MinCpu"] = "no cap below so many thousandths of a processor is taken, 1 to 1000000; default 50",
        ["Enforcement:MinMemory"] = "no memory.high below so many bytes is taken, 1 MiB or more; default 64 MiB",
        ["Enforcement:MinIo"] = "no io.max below so many bytes per second is taken, 4096 or more; default 1 MiB",
        ["Access:Issuer"] = "URL of the OpenID Connect issuer whose tokens are taken, https:// (http:// on loopback); default none",
        ["Access:Audience"] = "audience that bearer tokens must be made for; needed with Access:Issuer",
        ["Access:ClientId"] = "client id for sign-in by browser, by authorization code and PKCE; default no such sign-in",
        ["Access:ClientSecret"] = "its secret; left out for a public client",
        ["Access:Algorithms"] = "comma list of signature algorithms that are taken, RS256 to ES512; default RS256,PS256,ES256",
        ["Access:RoleClaim"] = "claim with the role, with dots into objects such as realm_access.roles; default roles",
        ["Access:TenantClaim"] = "claim with the tenant of a reader; default tenant",
        ["Access:RoleMap"] = "comma list of CLAIM-VALUE=ROLE; default the roles' own names: admin, finance, reader, scrape",
        ["Access:RequestsPerMinute"] = "requests of one credential per minute at one service process, shipping of usage apart, 1 to 100000000; default 6000",
        ["Access:ShippingPerMinute"] = "requests per minute by which one credential ships usage, 1 to 100000000; default 600000",
        ["Access:Proxies"] = "comma list of addresses or networks, such as 10.0.0.0/8, of proxies whose X-Forwarded-For, -Proto and -Host are believed; default none",
        ["Access:FailedSignInsPerMinute"] = "wrong credentials from one address per minute before it is kept waiting, 1 to 100000000; default 30",
        ["Alerts:AllowedAddresses"] = "comma list of CIDRs or host:port that alerts may be sent to though they are not public",
        ["Alerts:LogDirectory"] = "where endpoints of channel log write their files; default DATA/alerts",
        ["Alerts:Keep"] = "how long deliveries that are done are kept, 1d to 3650d; default 90d",
        ["Invoices:SellerName"] = "who issues invoices, at most 200 characters; default nobody",
        ["Invoices:SellerAddress"] = "the seller's address, at most 8 lines with ';' between them",
        ["Invoices:SellerTaxId"] = "the seller's tax number, at most 200 characters",
        ["Invoices:Footer"] = "stands below each invoice, such as where to pay to; at most 500 characters",
        ["Invoices:PaymentDays"] = "days from the issue of an invoice in which it is due, 0 to 365; default 30",
        ["Focus:InvoiceIssuerName"] = "who issues invoices that name no seller, in FOCUS exports; default Focus:ServiceProviderName",
        ["Focus:ServiceProviderName"] = "who provides the service, in FOCUS exports; default Metering",
        ["Focus:HostProviderName"] = "who runs the hosts, in FOCUS exports; default Focus:ServiceProviderName",
        ["Focus:PaymentTerms"] = "as invoice details of FOCUS exports have them; default As agreed",
        ["TimeSeries:Url"] = "InfluxDB 1 to 3 or VictoriaMetrics to write to, http://[user:password@]host:8086; default none",
        ["TimeSeries:Database"] = "the database, of InfluxDB 2 the bucket; default metering",
        ["TimeSeries:Organization"] = "the organization of InfluxDB 2; default metering",
        ["TimeSeries:Token"] = "the token of InfluxDB 2 or 3",
    };

    /// <summary>Throws when a key of ours is misspelt.</summary>
    public void CheckNames()
    {
        var sections = Known.Keys.Select(key => key[..key.IndexOf(':')]).ToHashSet(StringComparer.OrdinalIgnoreCase);
        foreach (var key in values.Keys)
        {
            var section = key.Split(':')[0];
            if (!sections.Contains(section) || Known.ContainsKey(key) || values[key] is null) continue;
            if (Known.Keys.Any(known => key.StartsWith(known + ":", StringComparison.OrdinalIgnoreCase))) continue;
            throw UserErrorException.Usage($"The configuration key '{key}' is unknown; keys of section {section} are {string.Join(", ", Known.Keys.Where(known => known.StartsWith(section + ":", StringComparison.OrdinalIgnoreCase)))}.");
        }
    }

    public string? Text(string key) => values.GetValueOrDefault(key) is { Length: > 0 } value ? value : null;

    public T Choice<T>(string key, T otherwise, IReadOnlyDictionary<string, T> choices)
    {
        var text = Text(key);
        if (text is null) return otherwise;
        foreach (var (name, value) in choices)
        {
            if (string.Equals(name, text, StringComparison.OrdinalIgnoreCase)) return value;
        }

        throw Wrong(key, text, string.Join(" or ", choices.Keys));
    }

    public long Whole(string key, long otherwise, long from, long to)
    {
        var text = Text(key);
        if (text is null) return otherwise;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= from && value <= to
            ? value
            : throw Wrong(key, text, $"a whole number from {from} to {to}");
    }

    public TimeSpan Time(string key, TimeSpan otherwise, TimeSpan from, TimeSpan to)
    {
        var text = Text(key);
        if (text is null) return otherwise;
        return Duration.TryParse(text, out var value) && value >= from && value <= to ? value : throw Wrong(key, text, $"a duration from {Show(from)} to {Show(to)}, such as 10s, 15min, 48h");
    }

    public Uri? Url(string key, params string[] schemes)
    {
        var text = Text(key);
        if (text is null) return null;

        // The value may hold a password, so it is not repeated.
        return Uri.TryCreate(text, UriKind.Absolute, out var url) && schemes.Contains(url.Scheme)
            ? url
            : throw UserErrorException.Usage($"{key} is not a URL; give {string.Join(" or ", schemes.Select(scheme => scheme + "://host:port"))} ({EnvironmentName(key)} or appsettings.json).");
    }

    /// <summary>The error for a value that is out of its range.</summary>
    public static UserErrorException Wrong(string key, string text, string range) =>
        UserErrorException.Usage($"{key} is '{text}'; it must be {range} (set it in appsettings.json, by {EnvironmentName(key)} or on the command line).");

    private static string EnvironmentName(string key) => "METERING__" + key.Replace(":", "__");

    private static string Show(TimeSpan span) => span == TimeSpan.Zero ? "0s" :
        span.TotalDays >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalDays}d") :
        span.TotalMinutes >= 1 ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalMinutes}min") : string.Create(CultureInfo.InvariantCulture, $"{span.TotalMilliseconds}ms");
}
