using System.Text.Json;
using Metering.Cli.Client;
using Metering.Safety;

namespace Metering.Cli.Demo;

/// <summary>What the demo is configured with, by the API as a person would do it. Made again at each start, where it changes nothing.</summary>
internal sealed class DemoSetup(ApiClient client)
{
    private static readonly (string Path, string Body)[] BeforeUsage =
    [
        ("v1/tenants/acme", """{"name":"Acme Retail (demo)","timeZone":"Europe/Berlin","currency":"EUR","priceBook":"demo"}"""),
        ("v1/tenants/globex", """{"name":"Globex Media (demo)","timeZone":"Europe/London","currency":"EUR","priceBook":"demo"}"""),
        ("v1/tenants/initech", """{"name":"Initech (demo)","timeZone":"UTC","currency":"EUR","priceBook":"demo"}"""),
        ("v1/price-books/demo/versions/1", """
            {"currency":"EUR","prices":[
              {"meter":"cpuSeconds","unit":"Core-Hours","model":"graduated","tiers":[{"upTo":2000,"price":0.04},{"upTo":8000,"price":0.034},{"price":0.028}]},
              {"meter":"memoryByteSeconds","unit":"GiB-Hours","price":0.005},{"meter":"ioReadBytes","unit":"GiB","price":0.0001},{"meter":"ioWriteBytes","unit":"GiB","price":0.0002},
              {"meter":"networkTransmitBytes","unit":"GiB","price":0.01},{"model":"flat","unit":"Months","price":49}]}
            """),
        ("v1/tenants/acme/contract", """{"terms":[{"discount":10,"taxRate":19,"taxName":"VAT"}],"billTo":{"name":"Acme Retail (demo)","address":["1 Example Street","10115 Berlin"]},"credits":[{"id":"welcome","amount":100}]}"""),
        ("v1/tenants/globex/contract", """{"terms":[{"minimum":500,"taxRate":20,"taxName":"VAT"}],"billTo":{"name":"Globex Media (demo)","address":["2 Example Road","London"]}}"""),
    ];

    // Sent once the history is there, so that only what is over now calls.
    private static readonly (string Path, string Body)[] AfterHistory =
    [
        ("v1/webhooks/demo-log", """{"channel":"log","file":"demo-alerts.jsonl","route":{}}"""),
        ("v1/quotas/acme-month", """{"subject":{"tenant":"acme"},"meter":"cost","window":"month","limit":1000,"thresholds":[50,80,100],"notify":["demo-log"]}"""),
        ("v1/quotas/acme-month-end", """{"subject":{"tenant":"acme"},"kind":"forecast","meter":"cpuSeconds","window":"month","limit":50000000,"thresholds":[100],"shortBurn":"1h","longBurn":"6h","notify":["demo-log"]}"""),
        ("v1/quotas/globex-day", """{"subject":{"tenant":"globex"},"meter":"cpuSeconds","window":"day","limit":2000000,"thresholds":[80,100],"notify":["demo-log"]}"""),
        ("v1/quotas/initech-cores", """{"subject":{"tenant":"initech"},"kind":"rate","meter":"cpuSeconds","limit":12,"for":"10m","hysteresis":10,"notify":["demo-log"]}"""),
    ];

    public async Task BeforeUsageAsync(CancellationToken cancel)
    {
        await PutAsync(BeforeUsage, cancel);

        // By host as well: a label of a real container makes it nobody's of the demo.
        var owners = DemoFleet.Hosts.SelectMany(host => host.Workloads).Where(workload => workload.Tenant is not null).Select(workload => (workload.Tenant, workload.Project)).Distinct();
        var rules = new { rules = owners.Select(owner => new { match = new { host = DemoFleet.Prefix + "*", label = new Dictionary<string, string?> { ["tenant"] = owner.Tenant, ["project"] = owner.Project } }, tenant = owner.Tenant, project = owner.Project }) };
        var known = (await client.GetAsync("v1/ownership-rules", cancel)).GetProperty("rules").GetArrayLength();
        if (known == 0) await PutAsync([("v1/ownership-rules?force=true", JsonSerializer.Serialize(rules, CliJson.Compact))], cancel);
    }

    public Task AfterHistoryAsync(CancellationToken cancel) => PutAsync(AfterHistory, cancel);

    // What a person has changed since stays.
    private async Task PutAsync((string Path, string Body)[] documents, CancellationToken cancel)
    {
        foreach (var (path, body) in documents)
        {
            if (!path.Contains('?', StringComparison.Ordinal) && await client.FindAsync(path, cancel) is { } known && !IsBare(known)) continue;
            var (_, faults) = await client.PutAsync(path, body, cancel);
            if (faults.Count > 0) throw new UserErrorException($"The demo could not be set up: {path}: {string.Join(" ", faults.Select(fault => fault.Text))}");
        }
    }

    // A tenant without a contract has one in which nothing is agreed.
    private static bool IsBare(JsonElement document) => document.TryGetProperty("terms", out var terms) && terms.GetArrayLength() == 0;
}
