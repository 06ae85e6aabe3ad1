using System.Data.Common;
using System.Text.Encodings.Web;
using System.Text.Json;
using Metering.Meters;
using Metering.Service.Ledger;
using Metering.Service.Rating;
using Metering.Service.Verification;

namespace Metering.Service.Focus;

/// <summary>The workloads of a view of the ledger, by its ids. All of them are held: about 600 bytes each.</summary>
internal sealed class FocusResources
{
    /// <summary>What the specification asks of a provider's own tags; a workload's labels are the user's.</summary>
    public const string TagPrefix = "cg/";

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly Dictionary<string, string> Types = new(StringComparer.Ordinal)
    {
        ["docker"] = "Container", ["containerd"] = "Container", ["nerdctl"] = "Container", ["kubernetes"] = "Container", ["cri-o"] = "Container", ["podman"] = "Container", ["runc"] = "Container", ["crun"] = "Container",
        ["lxc"] = "Container", ["lxd"] = "Container", ["systemd-nspawn"] = "Container", ["libvirt"] = "VM", ["firecracker"] = "VM", ["kata"] = "VM", ["proxmox"] = "VM", ["service"] = "SystemdService",
        ["slice"] = "Slice", ["scope"] = "Scope", ["system"] = "Host",
    };

    private readonly Dictionary<long, FocusResource> _all = [];
    private readonly Dictionary<string, byte[]> _texts = new(StringComparer.Ordinal);

    public FocusResource Find(long workload) => _all.GetValueOrDefault(workload, FocusResource.None);

    public static async Task<FocusResources> ReadAsync(LedgerTransaction view, CancellationToken cancel)
    {
        var resources = new FocusResources();
        var former = await AttributeStore.LoadAsync(view);
        var projects = await ProjectsAsync(view.Connection, cancel);
        var regions = await RegionsAsync(view.Connection, cancel);
        await using var command = VerifyRun.Command(view.Connection, "SELECT id, host, kind, key, name, labels, attributes_from FROM workload");
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            var (id, host, kind, key) = (rows.GetInt64(0), rows.GetString(1), rows.GetString(2), rows.GetString(3));
            var history = AttributeStore.History(key, new StoredAttributes(rows.GetString(4), rows.GetString(5), rows.GetInt64(6), 0), former.GetValueOrDefault(id));
            resources._all[id] = new FocusResource
            {
                Id = FocusCsv.Field($"urn:metering:host:{host}:{kind}:{key}"),
                Type = resources.Shared(Types.GetValueOrDefault(kind, kind)),
                HostId = resources.Shared("urn:metering:host:" + host),
                HostName = resources.Shared(host),
                Region = resources.Shared(regions.GetValueOrDefault(host, "")),
                Versions = [.. history.Intervals().Select(one => (one.To, resources.Shared(one.Version.HasName(key) ? one.Version.Name : ""), resources.Shared(Tags(one.Version.Labels))))],
                Projects = projects.TryGetValue(id, out var owned) ? [.. owned] : [],
            };
        }

        return resources;
    }

    // A name that the id holds already says nothing; labels of ours tell of availability and are no tags.
    private static string Tags(IReadOnlyDictionary<string, string> labels) =>
        JsonSerializer.Serialize(labels.Where(label => !label.Key.StartsWith(WorkloadAvailability.LabelPrefix, StringComparison.Ordinal)).ToDictionary(label => label.Key, label => label.Value), Json);

    private static async Task<Dictionary<long, List<(long, long, string)>>> ProjectsAsync(DbConnection connection, CancellationToken cancel)
    {
        var found = new Dictionary<long, List<(long, long, string)>>();
        await using var command = VerifyRun.Command(connection, "SELECT workload, valid_from, valid_to, project FROM ownership WHERE project <> '' ORDER BY workload, valid_from");
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
        {
            if (!found.TryGetValue(rows.GetInt64(0), out var list)) found[rows.GetInt64(0)] = list = [];
            list.Add((rows.GetInt64(1), rows.GetInt64(2), string.Intern(rows.GetString(3))));
        }

        return found;
    }

    private static async Task<Dictionary<string, string>> RegionsAsync(DbConnection connection, CancellationToken cancel)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        await using var command = VerifyRun.Command(connection, "SELECT host, labels FROM agent ORDER BY last_seen_at, id");
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel)) found[rows.GetString(0)] = TraitsReader.Labels(rows.GetString(1)).GetValueOrDefault("region", "");
        return found;
    }

    private byte[] Shared(string text)
    {
        if (!_texts.TryGetValue(text, out var field)) _texts[text] = field = FocusCsv.Field(text);
        return field;
    }
}
