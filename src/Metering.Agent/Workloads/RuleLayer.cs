namespace Metering.Agent.Workloads;

/// <summary>Which matches of a path compete with each other.</summary>
public enum RuleLayer
{
    /// <summary>Containers, guests and jobs: the innermost one in the path decides.</summary>
    Container,

    /// <summary>Applications that are systemd units (snap, flatpak): a unit inside a container is part of the container, so these count only outside.</summary>
    Unit,
}
