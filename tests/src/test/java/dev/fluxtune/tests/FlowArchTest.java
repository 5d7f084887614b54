package dev.fluxtune.tests;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaCall;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaPackage;
import com.tngtech.archunit.core.domain.properties.HasName;
import com.tngtech.archunit.core.domain.properties.HasOwner;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The arrows of the house: who may see whom. */
class FlowArchTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.fluxtune");

  @Test
  void classesWereFound() {
    assertThat(CLASSES.contain("dev.fluxtune.schemas.Chunk")).isTrue();
    assertThat(CLASSES.contain("dev.fluxtune.pipeline.pack.Pack")).isTrue();
    assertThat(CLASSES.contain("dev.fluxtune.trainer.loop.Train")).isTrue();
    assertThat(CLASSES.contain("dev.fluxtune.app.SftRecipe")).isTrue();
  }

  @Test
  void stagesAndTrainerNeverSeeEachOther() {
    layeredArchitecture()
        .consideringOnlyDependenciesInLayers()
        .layer("schemas")
        .definedBy("dev.fluxtune.schemas..")
        .layer("pipeline")
        .definedBy("dev.fluxtune.pipeline..")
        .layer("trainer")
        .definedBy("dev.fluxtune.trainer..")
        .layer("app")
        .definedBy("dev.fluxtune.app..")
        .whereLayer("app")
        .mayNotBeAccessedByAnyLayer()
        .whereLayer("pipeline")
        .mayOnlyBeAccessedByLayers("app")
        .whereLayer("trainer")
        .mayOnlyBeAccessedByLayers("app")
        .whereLayer("schemas")
        .mayNotAccessAnyLayer()
        .check(CLASSES);
  }

  @Test
  void onlyTheTrainersLoopSubscribes() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.fluxtune.app..", "dev.fluxtune.trainer.loop..")
        .should()
        .callMethodWhere(onAPublisher("subscribe"))
        .check(CLASSES);
  }

  @Test
  void nothingBlocksOnAPublisher() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.fluxtune.app..")
        .should()
        .callMethodWhere(onAPublisher("block|blockFirst|blockLast|toIterable|toStream"))
        .check(CLASSES);
  }

  @Test
  void onlyTheTokenizerTheShardWriterAndTheTrainerHaveThreads() {
    noClasses()
        .that()
        .resideOutsideOfPackages(
            "dev.fluxtune.app..",
            "dev.fluxtune.pipeline.tokenize..",
            "dev.fluxtune.pipeline.shard..",
            "dev.fluxtune.trainer.loop..")
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("reactor.core.scheduler.Schedulers")
        .check(CLASSES);
  }

  @Test
  void filesArePaths() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("java.io.File")
        .check(CLASSES);
  }

  @Test
  void everyPackageSaysWhatItIs() {
    List<JavaPackage> silent =
        CLASSES.getDefaultPackage().getSubpackagesInTree().stream()
            .filter(p -> p.getName().startsWith("dev.fluxtune.") && !p.getClasses().isEmpty())
            .filter(p -> p.tryGetPackageInfo().isEmpty())
            .toList();
    assertThat(silent).isEmpty();
  }

  private static DescribedPredicate<JavaCall<?>> onAPublisher(String methods) {
    return JavaCall.Predicates.target(HasName.Predicates.nameMatching(methods))
        .and(
            JavaCall.Predicates.target(
                HasOwner.Predicates.With.owner(
                    JavaClass.Predicates.resideInAPackage("reactor.core.publisher.."))))
        .as("call %s on a publisher", methods);
  }
}
