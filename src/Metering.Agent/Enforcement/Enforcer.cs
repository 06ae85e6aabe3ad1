using System.Security.Cryptography;
using Metering.Agent.Cgroups;
using Metering.Agent.Workloads;
using Metering.Enforcement;
using Metering.Messages;
using Metering.Units;
using Microsoft.Extensions.Logging;

namespace Metering.Agent.Enforcement;

/// <summary>
/// Takes signed commands and acts on cgroups: what the host permits, on recognised workloads, for a limited time. The former value is stored before the kernel is told,
/// and is brought back at expiry, on release, at the end of the process and at the start of the next one.
/// </summary>
internal sealed partial class Enforcer(
    EnforcementOptions options, string host, HeldLimits journal, ControlFiles files, Func<string, Workload> recognise, Func<string> ownPath, TimeProvider clock, ILogger log, Func<long?>? lastBatch = null) : IDisposable
{
    /// <summary>No command is obeyed for longer: a service that is gone must not leave caps behind.</summary>
    public static readonly TimeSpan LongestLife = TimeSpan.FromHours(1);

    private const int MaxLabel = 400, MaxId = 64, MaxRefusals = 1000;

    // Directories of the system and of its managers, and units without which nobody can look after the host.
    private static readonly HashSet<string> ForeignKinds =
        [WorkloadKinds.Raw, WorkloadKinds.System, WorkloadKinds.SystemdSlice, WorkloadKinds.SystemdMount, WorkloadKinds.SystemdSocket, WorkloadKinds.SystemdSwap];

    private readonly Lock _gate = new();
    private readonly Dictionary<(string Path, string File), HeldLimit> _held = [];
    private readonly Dictionary<string, long> _released = [];
    private readonly Dictionary<string, string> _refusals = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ECDsa> _keys = new(StringComparer.Ordinal);
    private volatile string? _refusal;

    /// <summary>Limits in force, and those that could not be set or undone yet.</summary>
    public IReadOnlyList<HeldLimit> Held
    {
        get
        {
            lock (_gate) return [.. _held.Values];
        }
    }

    /// <summary>Commands that were not obeyed since the start.</summary>
    public long Refused { get; private set; }

    /// <summary>For the host's labels, so that the service shows it: what is in force, the first trouble, or why the last command was not obeyed. Null when there is nothing to say.</summary>
    public string? Describe()
    {
        var held = Held;
        if (held.Count == 0) return _refusal is { } refusal ? "refused: " + refusal : null;
        var trouble = held.FirstOrDefault(limit => limit.Trouble is not null)?.Trouble;
        var text = $"{held.Count(limit => limit.Trouble is null)} in force" + (trouble is null ? "" : "; " + trouble);
        return text.Length > MaxLabel ? text[..MaxLabel] : text;
    }

    /// <summary>Undoes what an earlier process left, also one that was killed. To be called before anything else.</summary>
    public void Start(string why = "the agent was started")
    {
        lock (_gate)
        {
            foreach (var key in options.PublicKeys) Trust(key);
            var stored = journal.Load(out var trouble);
            foreach (var limit in stored) _held[(limit.Path, limit.File)] = limit;
            if (trouble is not null) LogTrouble(log, trouble);
            ReleaseWhere(_ => true, why);
        }
    }

    /// <summary>A key whose signature counts from now on, beside those that do already.</summary>
    public void Trust(ReadOnlySpan<byte> publicKey)
    {
        var name = Convert.ToBase64String(publicKey);
        lock (_gate)
        {
            if (_keys.ContainsKey(name)) return;
            var key = ECDsa.Create();
            key.ImportSubjectPublicKeyInfo(publicKey, out _);
            _keys.Add(name, key);
        }
    }

    /// <summary>Obeys a command or says why not; null when it was obeyed (or would have been, in a dry run).</summary>
    public string? Take(Command command)
    {
        lock (_gate)
        {
            var refusal = Judge(command, out var order);
            if (refusal is null)
            {
                refusal = order!.Releases is { } former ? Release(former, order.Reason) : Apply(order, EnforcementActions.ByName[order.Action]);
                if (refusal is null)
                {
                    _refusal = null;
                    return null;
                }
            }

            Refused++;
            _refusal = refusal;

            // The service says it again with every answer.
            var id = command.Id.Length > MaxId ? command.Id[..MaxId] : command.Id;
            if (_refusals.Count >= MaxRefusals) _refusals.Clear();
            if (_refusals.GetValueOrDefault(id) != refusal) LogRefused(log, id, refusal);
            _refusals[id] = refusal;
            return refusal;
        }
    }

    /// <summary>What has expired is undone, what failed is tried again.</summary>
    public void Tick()
    {
        lock (_gate)
        {
            var now = Now();
            ReleaseWhere(limit => limit.ExpiresMicroseconds <= now, "it has expired");
            foreach (var limit in _held.Values.Where(limit => limit.Trouble is not null && limit.ExpiresMicroseconds > now).ToList()) Set(limit);
            foreach (var id in _released.Where(pair => pair.Value <= now).Select(pair => pair.Key).ToList()) _released.Remove(id);
        }
    }

    /// <summary>Undoes everything; what can not be undone stays stored and is tried at the next start.</summary>
    public void ReleaseAll(string why)
    {
        lock (_gate) ReleaseWhere(_ => true, why);
    }

    public void Dispose()
    {
        foreach (var key in _keys.Values) key.Dispose();
    }

    private string? Judge(Command command, out EnforcementOrder? order)
    {
        order = null;
        if (options.Actions.Count == 0) return "this host permits no action (Enforcement:Actions)";
        if (_keys.Values.Select(key => CommandSeal.Open(command, key)).FirstOrDefault(found => found is not null) is not { } opened) return "its signature is not the service's (Enforcement:PublicKey)";
        order = opened;
        if (order.Host != host) return $"it is for host {order.Host}";
        var left = order.ExpiresMicroseconds - Now();
        if (left <= 0) return "it has expired";
        if (left > LongestLife.Microseconds()) return $"it would hold for longer than {LongestLife.TotalHours} h";
        if (_released.ContainsKey(order.Id)) return "it was released, or changed by hand";
        if (!EnforcementActions.ByName.TryGetValue(order.Action, out var action)) return $"'{order.Action}' is no action";
        if (order.Releases is not null) return null;
        if (!options.Actions.Contains(action)) return $"this host does not permit {order.Action} (Enforcement:Actions)";
        return Floor(action, order.Value) ?? Foreign(order.Path);
    }

    private string? Floor(EnforcementAction action, long value) => action switch
    {
        EnforcementAction.CpuMax when value < options.MinCpuMicrosecondsPerSecond => $"{value} µs/s is below this host's Enforcement:MinCpu",
        EnforcementAction.MemoryHigh when value < options.MinMemoryBytes => $"{value} bytes is below this host's Enforcement:MinMemory",
        EnforcementAction.IoMax when value < options.MinIoBytesPerSecond => $"{value} bytes/s is below this host's Enforcement:MinIo",
        EnforcementAction.CgroupFreeze when value != 1 => "the value of a freeze is 1",
        _ => null,
    };

    private string? Foreign(string path)
    {
        if (!path.StartsWith('/') || path.Length < 2 || path.Split('/').Skip(1).Any(name => name is "" or "." or "..")) return $"'{path}' is no path of a cgroup";
        var own = ownPath();
        if (own == path || own.StartsWith(path + "/", StringComparison.Ordinal)) return $"{path} holds this agent";
        var workload = recognise(path);
        if (ForeignKinds.Contains(workload.Kind)) return $"{path} is no workload but a directory of the system ({workload.Kind})";
        if (workload.Overhead) return $"{path} serves workloads and is none";
        return workload.Kind == WorkloadKinds.SystemdService && path.StartsWith("/system.slice/", StringComparison.Ordinal) ? $"{path} is a service of the system" : null;
    }

    private string? Apply(EnforcementOrder order, EnforcementAction action)
    {
        var file = action.File();
        var held = _held.GetValueOrDefault((order.Path, file));
        var inode = files.InodeOf(order.Path);
        if (inode == 0) return $"there is no cgroup {order.Path}";
        if (held is not null && held.Inode != inode)
        {
            _held.Remove((held.Path, held.File));
            held = null;
        }

        if (files.Read(order.Path, inode, file, out var error) is not { } present) return $"{file} of {order.Path} can not be read ({Errno(error)})";
        if (held is null && Limit.IsStricter(action, present, order.Value)) return $"{file} of {order.Path} is '{present.Trim()}' already, which is no weaker";
        var ioStat = action == EnforcementAction.IoMax ? files.Read(order.Path, inode, "io.stat", out _) ?? "" : "";
        var written = Limit.Write(action, order.Value, ioStat);
        if (written.Length == 0) return $"{order.Path} has used no device yet";
        if (order.DryRun)
        {
            LogWould(log, file, order.Path, string.Join("; ", written), order.Quota);
            return null;
        }

        if (held is { Trouble: null } && !Limit.Holds(action, present, held.Written))
        {
            Leave(held);
            return $"somebody else has set {file} of {order.Path} to '{present.Trim()}'";
        }

        var limit = new HeldLimit
        {
            Id = order.Id,
            Path = order.Path,
            Inode = inode,
            File = file,
            Former = held?.Former ?? Limit.Restore(action, present, written),
            Written = written,
            Value = order.Value,
            ExpiresMicroseconds = order.ExpiresMicroseconds,
            Quota = order.Quota,
            Reason = order.Reason,
            CrossedBy = order.CrossedBy,
            SetAfter = held is null ? lastBatch?.Invoke() : held.SetAfter,
            Trouble = held?.Trouble,
        };
        _held[(order.Path, file)] = limit;

        // Only later: whatever is stored is undone at the next start.
        if (held is not null && held.Written.AsSpan().SequenceEqual(written)) return null;
        if (!TryStore(out var unstored))
        {
            if (held is null) _held.Remove((order.Path, file));
            else _held[(order.Path, file)] = held;
            return unstored;
        }

        Set(limit);
        return null;
    }

    private void Set(HeldLimit limit)
    {
        string? trouble = null;
        foreach (var text in limit.Written)
        {
            if (files.Write(limit.Path, limit.Inode, limit.File, text) is var error and not 0) trouble = $"{limit.File} of {limit.Path} can not be written ({Errno(error)})";
        }

        if (trouble is null) LogSet(log, limit.File, limit.Path, string.Join("; ", limit.Written), limit.Quota, limit.CrossedBy, limit.SetAfter);
        else if (limit.Trouble != trouble) LogTrouble(log, trouble + "; tried again each second until it expires.");
        _held[(limit.Path, limit.File)] = limit with { Trouble = trouble };
    }

    private string? Release(string id, string why)
    {
        _released[id] = Now() + LongestLife.Microseconds();
        ReleaseWhere(limit => limit.Id == id, why);
        return null;
    }

    private void ReleaseWhere(Predicate<HeldLimit> which, string why)
    {
        var changed = false;
        foreach (var limit in _held.Values.Where(limit => which(limit)).ToList())
        {
            if (Undo(limit, why) is { } trouble)
            {
                if (limit.Trouble != trouble) LogTrouble(log, trouble + "; tried again each second.");
                _held[(limit.Path, limit.File)] = limit with { Trouble = trouble, ExpiresMicroseconds = 0 };
                continue;
            }

            _held.Remove((limit.Path, limit.File));
            changed = true;
        }

        if (changed && !TryStore(out var unstored)) LogTrouble(log, unstored!);
    }

    // Null when nothing of ours is there any more.
    private string? Undo(HeldLimit limit, string why)
    {
        if (files.InodeOf(limit.Path) != limit.Inode) return null;
        if (files.Read(limit.Path, limit.Inode, limit.File, out var error) is not { } present) return error is Posix.ENOENT or Posix.ENODEV ? null : $"{limit.File} of {limit.Path} can not be read ({Errno(error)})";
        if (!Limit.Holds(EnforcementActions.ByName[limit.File], present, limit.Written))
        {
            LogForeign(log, limit.File, limit.Path, present.Trim());
            return null;
        }

        foreach (var text in limit.Former)
        {
            if (files.Write(limit.Path, limit.Inode, limit.File, text) is var failed and not 0 and not Posix.ENODEV) return $"{limit.File} of {limit.Path} can not be set back ({Errno(failed)})";
        }

        LogReleased(log, limit.File, limit.Path, string.Join("; ", limit.Former), why);
        return null;
    }

    // What people set by hand stands: the order that it contradicts is not obeyed again.
    private void Leave(HeldLimit limit)
    {
        _held.Remove((limit.Path, limit.File));
        _released[limit.Id] = Now() + LongestLife.Microseconds();
        TryStore(out _);
    }

    private bool TryStore(out string? trouble)
    {
        try
        {
            journal.Save(_held.Values);
            trouble = null;
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            trouble = $"the former value can not be stored ({e.Message.TrimEnd('.')}), so nothing is set";
            return false;
        }
    }

    private long Now() => clock.GetUtcNow().ToUnixMicroseconds();

    private static string Errno(int error) => System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(error);

    [LoggerMessage(Level = LogLevel.Information, Message = "{File} of {Path} is {Value} from now on: quota {Quota}, over with batch {Crossed}; the last one is {Last}.")]
    private static partial void LogSet(ILogger log, string file, string path, string value, string quota, long? crossed, long? last);

    [LoggerMessage(Level = LogLevel.Information, Message = "{File} of {Path} would be {Value}: quota {Quota} (dry run).")]
    private static partial void LogWould(ILogger log, string file, string path, string value, string quota);

    [LoggerMessage(Level = LogLevel.Information, Message = "{File} of {Path} is {Value} again: {Why}.")]
    private static partial void LogReleased(ILogger log, string file, string path, string value, string why);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File} of {Path} is '{Present}', which is not what was set here; it stays.")]
    private static partial void LogForeign(ILogger log, string file, string path, string present);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Command {Id} was not obeyed: {Refusal}.")]
    private static partial void LogRefused(ILogger log, string id, string refusal);

    [LoggerMessage(Level = LogLevel.Error, Message = "{Trouble}")]
    private static partial void LogTrouble(ILogger log, string trouble);
}
