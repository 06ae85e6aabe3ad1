using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Metering.Agent.Workloads;

/// <summary>
/// The line that <c>metering identify</c> prints for one argument: JSON with <c>path</c> (the argument as given), <c>kind</c>, <c>id</c>, <c>name</c>,
/// and where the path tells them <c>pod</c>, <c>container</c>, <c>user</c>, <c>overhead</c>, <c>labels</c>. What is absent is left out.
/// </summary>
public static class IdentifyFormat
{
    // Relaxed: the line goes to a terminal or a program, not into HTML, and names should stay readable.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Where cgroup2 is usually mounted, on pure and on hybrid hosts.</summary>
    public static readonly IReadOnlyList<string> UsualMountPoints = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

    /// <summary>The cgroup path that an argument means: <c>/proc/PID/cgroup</c>'s <c>0::</c> and a mount point in front are taken off.</summary>
    /// <param name="mountPoints">Mount points of cgroup2 on this host, beside the usual ones.</param>
    public static string CgroupPath(string argument, IEnumerable<string>? mountPoints = null)
    {
        const string ProcPrefix = "0::/";
        if (argument.StartsWith(ProcPrefix, StringComparison.Ordinal)) return argument[(ProcPrefix.Length - 1)..];
        foreach (var mountPoint in (mountPoints ?? []).Concat(UsualMountPoints).Select(mount => mount.TrimEnd('/')).OrderByDescending(mount => mount.Length))
        {
            if (mountPoint.Length == 0 || !argument.StartsWith(mountPoint, StringComparison.Ordinal)) continue;
            if (argument.Length == mountPoint.Length) return "/";
            if (argument[mountPoint.Length] == '/') return argument[mountPoint.Length..];
        }

        return argument;
    }

    /// <summary>One line without its newline.</summary>
    public static string Line(string argument, Workload workload)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, Options))
        {
            json.WriteStartObject();
            json.WriteString("path", argument);
            json.WriteString("kind", workload.Kind);
            json.WriteString("id", workload.Id);
            json.WriteString("name", workload.Name);
            if (workload.Pod is { } pod) json.WriteString("pod", pod);
            if (workload.Container is { } container) json.WriteString("container", container);
            if (workload.User is { } user) json.WriteString("user", user);
            if (workload.Overhead) json.WriteBoolean("overhead", true);
            if (workload.Labels.Count > 0)
            {
                json.WriteStartObject("labels");
                foreach (var (name, value) in workload.Labels) json.WriteString(name, value);
                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }
}
