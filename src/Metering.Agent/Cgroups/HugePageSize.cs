using System.Globalization;

namespace Metering.Agent.Cgroups;

/// <summary>Sizes of huge pages, which /sys/kernel/mm/hugepages names in kB and the cgroup files in the largest whole unit (mm/hugetlb_cgroup.c).</summary>
internal static class HugePageSize
{
    /// <summary><c>hugepages-2048kB</c> is <c>2MB</c>; false for what is no such name.</summary>
    public static bool TryName(string directory, out string name)
    {
        name = "";
        if (!directory.StartsWith("hugepages-", StringComparison.Ordinal) || !directory.EndsWith("kB", StringComparison.Ordinal)) return false;
        if (!ulong.TryParse(directory.AsSpan("hugepages-".Length, directory.Length - "hugepages-kB".Length), NumberStyles.None, CultureInfo.InvariantCulture, out var kibibytes) || kibibytes == 0) return false;
        name = kibibytes >= 1 << 20 ? kibibytes / (1 << 20) + "GB" : kibibytes >= 1 << 10 ? kibibytes / (1 << 10) + "MB" : kibibytes + "KB";
        return true;
    }
}
