using Metering.Agent.Workloads;
using Metering.Agent.Workloads.Names;

namespace Metering.Tests.Workloads.Names;

/// <summary>A directory in place of the machine's root, with the state files of runtimes.</summary>
internal sealed class RuntimeTree : IDisposable
{
    private static readonly WorkloadRecogniser Recogniser = new();

    public string Root { get; } = Directory.CreateTempSubdirectory("metering-names-").FullName;

    public RuntimeTree Write(string path, string content)
    {
        var file = Root + path;
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, content);
        return this;
    }

    /// <summary>The name and labels of a cgroup path, as <c>name key=value …</c>.</summary>
    public string Name(string path, string labels = LabelChoice.Default, string? root = null)
    {
        var workload = Recogniser.Recognise(path);
        var found = new NameResolver(new LabelChoice(labels), root ?? Root, cgroups: "/cgroup").Resolve(workload);
        return string.Join(' ', [found.Name, .. found.Labels.Where(label => !workload.Labels.ContainsKey(label.Key)).Select(label => $"{label.Key}={label.Value}")]);
    }

    public void Dispose() => Directory.Delete(Root, recursive: true);
}
