using System.Text.Json;
using System.Text.Json.Nodes;
using Metering.Cli.Client;
using Metering.Safety;

namespace Metering.Cli.Running;

/// <summary>The ownership rule that gives a tenant what is run for it.</summary>
internal static class TenantRule
{
    /// <summary>Throws when the name can be neither a tenant nor a cgroup.</summary>
    public static void Check(string tenant)
    {
        if (tenant.Length is 0 or > 64 || tenant.Trim('.').Length == 0 || !tenant.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
            throw UserErrorException.Usage($"--tenant is '{Tables.Inert(tenant)}'; it is 1 to 64 letters, digits, '-', '_' or '.'.");
        if (tenant.StartsWith("cgroup.", StringComparison.Ordinal) || tenant.StartsWith("run-", StringComparison.Ordinal))
            throw UserErrorException.Usage($"--tenant is '{tenant}', a name that the kernel or 'metering run' itself uses for cgroups; take one that begins neither with 'cgroup.' nor with 'run-'.");
    }

    /// <summary>Puts the rule before all others when it is missing; true when it was.</summary>
    public static async Task<bool> EnsureAsync(ApiClient client, string tenant, CancellationToken cancel)
    {
        var path = $"/metering/{tenant}/*";
        for (var attempt = 1; ; attempt++)
        {
            var (known, tag) = await client.FindTaggedAsync("v1/ownership-rules", cancel);
            var document = JsonNode.Parse(known!.Value.GetRawText())!.AsObject();
            var rules = document["rules"]!.AsArray();
            if (rules.Any(rule => Is(rule, path, tenant))) return false;
            rules.Insert(0, new JsonObject { ["match"] = new JsonObject { ["path"] = path }, ["tenant"] = tenant });
            // Whoever runs something for a tenant may make it later.
            var (_, faults) = await client.PutAsync("v1/ownership-rules?force=true", document.ToJsonString(), cancel, tag);
            if (faults.Count == 0) return true;

            // Somebody else has put rules between our reading and our writing, perhaps another run: theirs stay.
            if (attempt >= 20 || !faults.Contains(ApiFault.Changed)) throw new UserErrorException($"The ownership rule for {path} is refused: {string.Join(" ", faults)}");
        }
    }

    private static bool Is(JsonNode? rule, string path, string tenant) =>
        rule?["match"]?["path"]?.GetValueKind() == JsonValueKind.String && rule["match"]!["path"]!.GetValue<string>() == path && rule["tenant"]?.GetValue<string>() == tenant;
}
